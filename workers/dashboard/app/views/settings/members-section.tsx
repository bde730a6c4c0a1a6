/** Who belongs to the store, and who is asked to. */
import { useState } from "preact/hooks";
import { mayAssign, type Role } from "../../../../../shared/auth/roles.ts";
import { changeRole, listKeys, listMembers, type Member, removeMember } from "../../api/identity.ts";
import { store, user } from "../../api/session.ts";
import { useResource } from "../../live/resource.ts";
import { Confirm } from "../../ui/dialog.tsx";
import { SelectField, textOf } from "../../ui/form.tsx";
import { Ago } from "../../ui/times.tsx";
import { roleDoes, roleName, roleOptions } from "../roles.ts";
import { InvitationsPanel } from "./invitations-panel.tsx";
import { lossOf, lostKeys } from "./lost-keys.ts";
import { Listed } from "./parts.tsx";

/** Whether the reader may give this role, or take it away. */
export const mayGive = (role: Role): boolean => user.value !== null && mayAssign(user.value, role);

export function MembersSection() {
  const storeId = user.value?.storeId ?? "";
  const members = useResource(`members ${storeId}`, () => listMembers(storeId));
  return (
    <>
      <section class="panel">
        <h2>Members of {store.value?.name}</h2>
        <Listed resource={members} empty="Nobody yet.">
          {(items) => (
            <ul class="lines">
              {items.map((item) => (
                <MemberRow key={item.userId} item={item} storeId={storeId} changed={members.reload} />
              ))}
            </ul>
          )}
        </Listed>
      </section>
      <InvitationsPanel storeId={storeId} />
    </>
  );
}

type Asking = "role" | "remove" | null;

function MemberRow({ item, storeId, changed }: { item: Member; storeId: string; changed: () => void }) {
  const [asking, setAsking] = useState<Asking>(null);
  const self = item.userId === user.value?.id;
  const close = () => setAsking(null);
  const about = { item, storeId, changed, close };
  return (
    <li class="line" data-testid="member-row" data-email={item.email}>
      <div class="line-main">
        <p class="line-title">
          {item.name || item.email}
          {self && <span class="tag">you</span>}
        </p>
        <p class="line-detail">
          {item.name && `${item.email} · `}
          <MemberFacts item={item} />
        </p>
      </div>
      <span class="chip" data-tone={item.role === "customer" ? "still" : "active"} data-testid="member-role">
        {roleName(item.role)}
      </span>
      {!self && mayGive(item.role) && (
        <div class="line-actions">
          <button type="button" class="button" onClick={() => setAsking("role")} data-testid="member-change">
            Change role<span class="visually-hidden"> of {item.email}</span>
          </button>
          <button type="button" class="button" onClick={() => setAsking("remove")} data-testid="member-remove">
            Remove<span class="visually-hidden"> {item.email}</span>
          </button>
        </div>
      )}
      {asking === "role" && <RoleDialog {...about} />}
      {asking === "remove" && <RemoveDialog {...about} />}
    </li>
  );
}

function MemberFacts({ item }: { item: Member }) {
  return (
    <>
      {item.mfaEnabled ? "two-factor on · " : "two-factor off · "}
      {item.lastLoginAt ? (
        <>
          logged in <Ago at={item.lastLoginAt} />
        </>
      ) : (
        "never logged in"
      )}
    </>
  );
}

/** What programs of the shop lose with the rights of a member who is `left` this role; `null`: none. */
function LostKeys({ userId, left }: { userId: string; left: Role | null }) {
  const keys = useResource(`keys ${user.value?.storeId}`, () => listKeys());
  if (!keys.data) return <p>Secret keys they made that need their rights stop working at once.</p>;
  const loss = lossOf(lostKeys(keys.data.items, userId, left, Date.now()));
  return (
    <p data-testid="lost-keys">
      {loss === null ? "No key stops working." : `${loss} Rotate those that the shop needs first: then they are yours.`}
    </p>
  );
}

interface About {
  item: Member;
  storeId: string;
  changed: () => void;
  close: () => void;
}

function RoleDialog({ item, storeId, changed, close }: About) {
  const [role, setRole] = useState(item.role);
  const change = async (values: FormData) => {
    await changeRole(storeId, item.userId, textOf(values, "role") as Role);
    changed();
  };
  return (
    <Confirm
      title={`Role of ${item.name || item.email}`}
      confirm="Change"
      busy="Changing…"
      onConfirm={change}
      onClose={close}
    >
      <SelectField
        label="Role"
        name="role"
        value={role}
        options={roleOptions(mayGive)}
        onChange={(value) => setRole(value as Role)}
        hint={`${roleName(role)} ${roleDoes(role)}.`}
      />
      {role !== item.role && <LostKeys userId={item.userId} left={role} />}
    </Confirm>
  );
}

function RemoveDialog({ item, storeId, changed, close }: About) {
  const remove = async () => {
    await removeMember(storeId, item.userId);
    changed();
  };
  return (
    <Confirm
      title={`Remove ${item.name || item.email}?`}
      confirm="Remove"
      busy="Removing…"
      tone="danger"
      onConfirm={remove}
      onClose={close}
    >
      <p>Their access to this store ends at once. What they did stays in the audit log.</p>
      <LostKeys userId={item.userId} left={null} />
    </Confirm>
  );
}
