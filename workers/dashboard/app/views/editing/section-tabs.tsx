/** Campaigns, and what they are made of. */
import { campaignsHref, couponsHref, templatesHref } from "../../route.ts";

const SECTIONS = { Campaigns: campaignsHref, Templates: templatesHref, Coupons: couponsHref };

export const SectionTabs = ({ at }: { at: keyof typeof SECTIONS }) => (
  <nav class="tabs" aria-label="Campaigns">
    {Object.entries(SECTIONS).map(([name, href]) => (
      <a key={name} href={href} aria-current={name === at ? "page" : undefined}>
        {name}
      </a>
    ))}
  </nav>
);
