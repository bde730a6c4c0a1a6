/** Which template a message is written from, as the sender chooses. Pure. */
import { builtInId, galleryIdAbout } from "../../../../../shared/gallery/about-trigger.ts";
import type { Trigger } from "../../../../../shared/policy/rules.ts";
import type { Channel } from "../../../../../shared/views.ts";
import type { Template } from "../../api/templates.ts";

/** Templates of the store have a version; what comes with Cartwake has none, or none yet. */
export const isOwn = ({ version }: Pick<Template, "version">): boolean => (version ?? 0) > 0;

/** The store's own, when it is of the channel; else the built-in one about the trigger, else that of the channel. */
export function chosenTemplate(
  templates: readonly Template[],
  id: string,
  channel: Channel,
  trigger: Trigger,
): Template | undefined {
  const own = templates.find((one) => one.id === id && one.channel === channel && isOwn(one));
  const about = galleryIdAbout(channel, trigger);
  const known = (wanted: string | null) => templates.find((one) => one.id === wanted && !isOwn(one));
  return own ?? known(about) ?? known(builtInId(channel));
}
