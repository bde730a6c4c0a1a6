/** A picture of an item, or its initial when there is none or it does not load. */
import { useState } from "preact/hooks";
import { webUrl } from "../format.ts";

export function Picture({ url, name }: { url: string | null; name: string }) {
  const [broken, setBroken] = useState<string | null>(null);
  const source = webUrl(url);
  if (!source || broken === source) {
    return (
      <span class="picture picture-none" aria-hidden="true">
        {name.charAt(0).toUpperCase()}
      </span>
    );
  }
  return (
    <img
      class="picture"
      src={source}
      alt=""
      width={56}
      height={56}
      loading="lazy"
      referrerpolicy="no-referrer"
      onError={() => setBroken(source)}
    />
  );
}
