/** The store's own templates, and those to begin with. */
import type { Channel } from "../../../../../shared/views.ts";
import { type Campaign, listCampaigns } from "../../api/campaigns.ts";
import { may, user } from "../../api/session.ts";
import { type GalleryTemplate, listGallery, listTemplates, type StoredTemplate } from "../../api/templates.ts";
import { plural } from "../../format.ts";
import { useResource } from "../../live/resource.ts";
import { newTemplateHref, templateHref } from "../../route.ts";
import { CHANNEL_LABELS } from "../../ui/channels.ts";
import { ChannelIcon } from "../../ui/icons.tsx";
import { ProblemNotice } from "../../ui/notice.tsx";
import { Ago } from "../../ui/times.tsx";
import { SectionTabs } from "../editing/section-tabs.tsx";
import { gist, isSentBy } from "./template-draft.ts";

async function read() {
  const [templates, gallery, campaigns] = await Promise.all([listTemplates(), listGallery(), listCampaigns()]);
  return {
    own: templates.items.filter(({ version }) => version > 0),
    gallery: gallery.items,
    campaigns: campaigns.items,
  };
}

export function TemplateList() {
  const { data, problem, reload } = useResource(`templates ${user.value?.storeId}`, read);
  return (
    <div class="page templates">
      <header class="page-head">
        <h1>Templates</h1>
      </header>
      <SectionTabs at="Templates" />
      {problem && <ProblemNotice problem={problem} retry={reload} />}
      {!data && !problem && <p class="loading">Reading the templates…</p>}
      {data && <Own {...data} />}
      {data && may("campaigns:write") && <Gallery entries={data.gallery} />}
    </div>
  );
}

function Own({ own, campaigns }: { own: readonly StoredTemplate[]; campaigns: readonly Campaign[] }) {
  if (own.length === 0)
    return (
      <div class="empty">
        <h2>No template of your own yet</h2>
        <p>Steps send the built-in ones until you write others. Begin with one of those below.</p>
      </div>
    );
  return (
    <ul class="template-list" data-testid="templates">
      {own.map((one) => (
        <TemplateRow key={one.id} one={one} sent={campaigns.filter(({ steps }) => isSentBy(one.id, steps)).length} />
      ))}
    </ul>
  );
}

function TemplateRow({ one, sent }: { one: StoredTemplate; sent: number }) {
  const locales = [one.locale, ...Object.keys(one.translations)];
  return (
    <li class="panel template" data-testid="template-row" data-template-id={one.id}>
      <ChannelMark channel={one.channel} />
      <div class="template-main">
        <h2>
          <a href={templateHref(one.id)}>{one.name}</a>
        </h2>
        <p class="template-words">{gist(one.subject || one.text)}</p>
      </div>
      <p class="template-facts">
        <span>{locales.join(" · ")}</span>
        <span>{sent > 0 ? `sent by ${plural(sent, "campaign")}` : "sent by no campaign"}</span>
        <span>
          changed <Ago at={one.updatedAt} />
        </span>
      </p>
    </li>
  );
}

const ChannelMark = ({ channel }: { channel: Channel }) => (
  <span class="template-mark" data-channel={channel}>
    <ChannelIcon channel={channel} size={20} />
    <span>{CHANNEL_LABELS[channel]}</span>
  </span>
);

const CHANNELS = Object.keys(CHANNEL_LABELS) as Channel[];

/** Nothing is stored by looking at one. */
function Gallery({ entries }: { entries: readonly GalleryTemplate[] }) {
  return (
    <section class="gallery" aria-labelledby="gallery-heading" data-testid="gallery">
      <h2 id="gallery-heading" class="gallery-heading">
        Begin with one of these
      </h2>
      {CHANNELS.map((channel) => (
        <div key={channel}>
          <h3 class="gallery-channel">
            <ChannelMark channel={channel} />
          </h3>
          <ul class="gallery-list">
            {entries
              .filter((entry) => entry.channel === channel)
              .map(({ id, name, description }) => (
                <GalleryCard key={id} from={id} name={name} about={description} />
              ))}
            <GalleryCard from={channel} name="Blank" about="A few words to begin with, and nothing else." />
          </ul>
        </div>
      ))}
    </section>
  );
}

const GalleryCard = ({ from, name, about }: { from: string; name: string; about: string }) => (
  <li>
    <a class="panel gallery-card" href={newTemplateHref(from)} data-testid={`gallery-${from}`}>
      <span class="gallery-name">{name}</span>
      <span class="gallery-about">{about}</span>
    </a>
  </li>
);
