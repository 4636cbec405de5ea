/** Rows of one kind that are warmed for each org: those that are read most. */
export const WARMED_PER_ORG = 100;
