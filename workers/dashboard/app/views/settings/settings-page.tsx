/** The settings: a list of sections beside the one that is open. Loaded when it is first asked for. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Permission } from "../../../../../shared/auth/roles.ts";
import { may, store, user } from "../../api/session.ts";
import { SECTIONS, type Section, settingsHref } from "../../route.ts";
import "../../styles/settings.css";
import "../../styles/settings-parts.css";
import { roleName } from "../roles.ts";
import { AuditSection } from "./audit-section.tsx";
import { KeysSection } from "./keys-section.tsx";
import { MembersSection } from "./members-section.tsx";
import { ProfileSection } from "./profile-section.tsx";
import { ProvidersSection } from "./providers-section.tsx";
import { SecuritySection } from "./security-section.tsx";
import { StoresSection } from "./stores-section.tsx";

const ABOUT: Record<Section, { label: string; needs?: Permission; show: () => JSX.Element }> = {
  profile: { label: "Profile", show: () => <ProfileSection /> },
  security: { label: "Security", show: () => <SecuritySection /> },
  members: { label: "Members", needs: "members:write", show: () => <MembersSection /> },
  keys: { label: "API keys", needs: "members:write", show: () => <KeysSection /> },
  providers: { label: "Providers", needs: "stores:write", show: () => <ProvidersSection /> },
  audit: { label: "Audit log", needs: "audit:read", show: () => <AuditSection /> },
  stores: { label: "Stores", show: () => <StoresSection /> },
};

const isOpen = (section: Section): boolean => {
  const { needs } = ABOUT[section];
  return needs === undefined || may(needs);
};

export default function SettingsPage({ section }: { section: Section }) {
  const { label, show } = ABOUT[section];
  return (
    <div class="page settings">
      <h1>
        <span class="settings-over">Settings</span> {label}
      </h1>
      <SettingsNav current={section} />
      <div class="settings-body">{isOpen(section) ? show() : <Closed label={label} />}</div>
    </div>
  );
}

function SettingsNav({ current }: { current: Section }) {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    const link = list.current?.querySelector("[aria-current]");
    link?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [current]);
  return (
    <nav class="settings-nav" aria-label="Settings">
      <ul ref={list}>
        {SECTIONS.filter(isOpen).map((section) => (
          <li key={section}>
            <a href={settingsHref(section)} aria-current={section === current ? "page" : undefined}>
              {ABOUT[section].label}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Closed({ label }: { label: string }) {
  const role = user.value?.role;
  return (
    <section class="panel">
      <h2>Not part of your role</h2>
      <p>
        In {store.value?.name ?? "this store"} you are {role ? roleName(role) : "a guest"}, and that role does not see{" "}
        {label}. An admin or the owner of the store can give you another one.
      </p>
    </section>
  );
}
