/** Small line icons; decoration only, so hidden from assistive technology. */
import type { ComponentChildren } from "preact";
import type { Channel } from "../../../../shared/views.ts";

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

const CHANNEL_PATHS: Record<Channel | "all", string> = {
  email:
    "M5.5 5h13A2.5 2.5 0 0 1 21 7.5v9a2.5 2.5 0 0 1-2.5 2.5h-13A2.5 2.5 0 0 1 3 16.5v-9A2.5 2.5 0 0 1 5.5 5ZM4 7l8 6 8-6",
  sms: "M4.5 4.5h15A1.5 1.5 0 0 1 21 6v9a1.5 1.5 0 0 1-1.5 1.5H11l-4.5 4v-4h-2A1.5 1.5 0 0 1 3 15V6a1.5 1.5 0 0 1 1.5-1.5ZM8 9h8m-8 3.5h5",
  push: "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15ZM10 20.5a2.2 2.2 0 0 0 4 0",
  onsite:
    "M4.5 4.5h15A1.5 1.5 0 0 1 21 6v12a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 18V6a1.5 1.5 0 0 1 1.5-1.5ZM3 8.5h18M12 12h5.5v4.5H12Z",
  all: "M4 12h4c4 0 3-6 7-6h5m-12 6h12m-12 0c4 0 3 6 7 6h5M18 4l2 2-2 2m0 2 2 2-2 2m0 2 2 2-2 2",
};

/** What a message goes by; beside it the channel stands in words. */
export const ChannelIcon = ({ channel, size = 18 }: { channel: Channel | "all"; size?: number }) => (
  <Icon size={size}>
    <path d={CHANNEL_PATHS[channel]} />
  </Icon>
);

export const CampaignsIcon = () => (
  <Icon>
    <circle cx="6" cy="6" r="2.5" />
    <circle cx="6" cy="18" r="2.5" />
    <circle cx="18" cy="12" r="2.5" />
    <path d="M6 8.5v7M8.5 6H13a5 5 0 0 1 4.600 3.5" />
  </Icon>
);

/** A curve that learned its points. */
export const ModelsIcon = () => (
  <Icon>
    <path d="M4 4v16h16" />
    <path d="M7.5 15.5c5 0 3.5-8.5 12-9" />
    <circle cx="9" cy="11" r="0.6" />
    <circle cx="16" cy="11.500" r="0.6" />
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
