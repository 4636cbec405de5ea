/**
 * The channel that wakes relays and followers. A notification carries no content: it only says that it is time to look.
 */
export const CHANNEL = 'tiercel_outbox';

/** Rows of a writer who invalidates by itself are left to it for this time. */
export const WRITERS_OWN = '1 second';

/** Advisory locks: "tier", "wake" and "inst" as numbers, which no other program is likely to use. */
export const LEAD_LOCK = 0x7469_6572;
export const NOTIFY_LOCK = 0x7761_6b65;
export const INSTALL_LOCK = 0x696e_7374;
