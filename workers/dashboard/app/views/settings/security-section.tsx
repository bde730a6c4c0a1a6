/** The second factor, and every device that is logged in. */
import { SessionsPanel } from "./sessions-panel.tsx";
import { TwoFactorPanel } from "./two-factor-panel.tsx";

export function SecuritySection() {
  return (
    <>
      <TwoFactorPanel />
      <SessionsPanel />
    </>
  );
}
