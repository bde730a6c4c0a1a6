/** Entries of the audit log as sentences, and what an entry changed as lines. Pure. */
import { ROLES } from "../../../../../shared/auth/roles.ts";
import type { AuditEntry } from "../../api/identity.ts";
import { words } from "../../format.ts";
import { roleName } from "../roles.ts";

/** What was done, for `Ada …`. Others are told by the words of the action itself. */
const DONE: Record<string, string> = {
  "api_key.created": "made an API key",
  "api_key.revoked": "revoked an API key",
  "api_key.rotated": "rotated an API key",
  "api_key.updated": "changed an API key",
  "audit.exported": "exported the audit log",
  "campaign.created": "made a campaign",
  "campaign.deleted": "deleted a campaign",
  "campaign.updated": "changed a campaign",
  "cart.links_revoked": "revoked the links of a cart",
  "coupon_pool.codes_added": "imported coupon codes",
  "coupon_pool.created": "made a coupon pool",
  "coupon_pool.deleted": "deleted a coupon pool",
  "invitation.accepted": "accepted an invitation",
  "invitation.created": "invited somebody",
  "invitation.resent": "sent an invitation again",
  "invitation.revoked": "revoked an invitation",
  "login.failed": "gave a wrong password or code",
  "login.locked": "was locked out after too many wrong ones",
  "login.succeeded": "logged in",
  "loss_summary.made": "had it summed up why carts are lost",
  "member.removed": "removed a member",
  "member.role_changed": "changed a member's role",
  "mfa.disabled": "turned two-factor authentication off",
  "mfa.enabled": "turned two-factor authentication on",
  "mfa.prepared": "began to set up two-factor authentication",
  "mfa.recovery_codes_renewed": "made new recovery codes",
  "model.canaried": "let a model score a share of the carts",
  "model.imported": "imported a model",
  "model.promoted": "let a model score the carts",
  "model.rolled_back": "took a model out of service",
  "model.shadowed": "put a model in the shadow",
  "model.staged": "moved a model to another stage",
  "password.changed": "changed their password",
  "password.reset": "chose a new password by the link in a mail",
  "provider.created": "added a provider",
  "provider.deleted": "removed a provider",
  "provider.tested": "sent a test by a provider",
  "provider.updated": "changed a provider",
  "session.all_ended": "logged out everywhere",
  "session.ended": "ended a session",
  "store.created": "opened the store",
  "store.signal_overridden": "let messages go out although no orders arrived",
  "store.updated": "changed the store's settings",
  "template.created": "made a template",
  "template.deleted": "deleted a template",
  "template.tested": "sent a test of a template",
  "template.updated": "changed a template",
  "training_run.started": "began a training run",
  "user.registered": "opened their account",
  "user.updated": "changed their profile",
};

/** The deeds that a filter offers. */
export const ACTIONS = Object.keys(DONE);

/** `shopper.erased` → `erased a shopper`. */
export function done(action: string): string {
  const known = DONE[action];
  if (known) return known;
  const [kind = "", ...rest] = action.split(".").map((part) => words(part).toLowerCase());
  const how = rest.join(" ");
  return how ? `${how} ${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind}` : kind;
}

type Names = ReadonlyMap<string, string>;

/** What was done by an entry, with the names that it holds: `invited ada@example.com as Admin`. */
export function deed(entry: AuditEntry, names: Names = new Map()): string {
  const was = textsOf(entry.before);
  const is = textsOf(entry.after);
  const whom = (entry.object.id && names.get(entry.object.id)) || is.email || was.email;
  const self = entry.actor.id !== null && entry.actor.id === entry.object.id;
  switch (entry.action) {
    case "member.role_changed":
      if (was.role && is.role) return `made ${whom ?? "a member"} ${role(is.role)} instead of ${role(was.role)}`;
      break;
    case "member.removed":
      if (self) return "left the store";
      if (whom) return `removed ${whom} from the store`;
      break;
    case "invitation.created":
      if (is.email) return `invited ${is.email}${is.role ? ` as ${role(is.role)}` : ""}`;
      break;
    case "api_key.revoked":
      if (is.because === "member.removed") return "revoked an API key of a member who left";
      if (is.because === "member.role_changed") return "revoked an API key of a member with another role";
      break;
    case "api_key.created":
      if (is.kind) return `made a ${is.kind} key${is.name ? `, “${is.name}”` : ""}`;
      break;
  }
  return done(entry.action);
}

const role = (code: string): string => {
  const known = ROLES.find((one) => one === code);
  return known ? roleName(known) : words(code);
};

/** The texts of an object, by name. */
function textsOf(value: unknown): Record<string, string | undefined> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => typeof inner === "string"));
}

export function actorName({ actor }: AuditEntry, names: Names = new Map()): string {
  const known = actor.id ? names.get(actor.id) : undefined;
  if (known) return known;
  if (actor.kind === "key") return "A secret key";
  if (actor.kind === "user") return actor.email ?? "Somebody";
  return "Cartwake";
}

export interface Change {
  field: string;
  before: string | null;
  after: string | null;
}

/** What is different, field by field; a value that is no object is one field without a name. */
export function changes(before: unknown, after: unknown): Change[] {
  const was = flat(before);
  const is = flat(after);
  return [...new Set([...was.keys(), ...is.keys()])]
    .map((field) => ({ field, before: was.get(field) ?? null, after: is.get(field) ?? null }))
    .filter((change) => change.before !== change.after);
}

/** More than this of one entry is nobody's to read here; the export has it all. */
const MOST_FIELDS = 50;

function flat(value: unknown, path = "", into = new Map<string, string>()): Map<string, string> {
  if (value === null || value === undefined || into.size >= MOST_FIELDS) return into;
  if (typeof value === "object" && !Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value)) flat(inner, path ? `${path}.${key}` : key, into);
    return into;
  }
  const text = Array.isArray(value) && value.every((one) => typeof one === "string") ? value.join(", ") : value;
  return text === "" ? into : into.set(path, typeof text === "string" ? text : JSON.stringify(text));
}
