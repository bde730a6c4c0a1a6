/** Small line icons; decoration only, so hidden from assistive technology. */
import type { ComponentChildren } from "preact";

function Icon({ children, size = 20 }: { children: ComponentChildren; size?: number }) {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="1.75"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const WakeMark = ({ size = 26 }: { size?: number }) => (
  <svg
    class="wake-mark"
    width={size}
    height={size}
    viewBox="0 0 32 32"
    fill="none"
    stroke-width="3"
    stroke-linecap="round"
    aria-hidden="true"
  >
    <path class="wake-mark-foam" d="M4 10c4-5.2 8-5.2 12 0s8 5.2 12 0" />
    <path d="M4 17.5c4-5.2 8-5.2 12 0s8 5.2 12 0" />
    <path class="wake-mark-faint" d="M10 25c2-2.6 4-2.6 6 0s4 2.6 6 0" />
  </svg>
);

export const BoardIcon = () => (
  <Icon>
    <rect x="3.5" y="4" width="4.5" height="16" rx="1.5" />
    <rect x="9.8" y="4" width="4.5" height="11" rx="1.5" />
    <rect x="16" y="4" width="4.5" height="7" rx="1.5" />
  </Icon>
);

export const MailIcon = ({ size = 20 }: { size?: number }) => (
  <Icon size={size}>
    <rect x="3" y="5" width="18" height="14" rx="2.5" />
    <path d="m4 7 8 6 8-6" />
  </Icon>
);

export const SettingsIcon = () => (
  <Icon>
    <path d="M4 7h9m5 0h2M4 17h2m5 0h9" />
    <circle cx="15.5" cy="7" r="2.5" />
    <circle cx="8.5" cy="17" r="2.5" />
  </Icon>
);

export const StoreIcon = () => (
  <Icon>
    <path d="M4 10v8.5A1.5 1.5 0 0 0 5.5 20h13a1.5 1.5 0 0 0 1.5-1.5V10" />
    <path d="M3 9.5 5 4h14l2 5.5a3 3 0 0 1-6 0 3 3 0 0 1-6 0 3 3 0 0 1-6 0Z" />
  </Icon>
);

export const BackIcon = () => (
  <Icon size={18}>
    <path d="M19 12H5m6-6-6 6 6 6" />
  </Icon>
);

export const DecisionIcon = ({ size = 16 }: { size?: number }) => (
  <Icon size={size}>
    <path d="M12 3v6m0 0-6 6v6m6-12 6 6v6" />
  </Icon>
);
