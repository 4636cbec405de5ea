/** Wakes whoever delivers. A notification carries nothing: it says when to look, never what there is. */
export const CHANNEL = 'tiercel_outbox';

/** How long the rows of a writer who invalidates by itself are left to it. */
export const WRITERS_OWN = '1 second';

/** Advisory locks: "tier", "wake" and "inst" as numbers, so that no other program's are met. */
export const LEAD_LOCK = 0x7469_6572;
export const NOTIFY_LOCK = 0x7761_6b65;
export const INSTALL_LOCK = 0x696e_7374;
