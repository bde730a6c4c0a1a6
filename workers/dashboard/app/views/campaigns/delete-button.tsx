import { useState } from "preact/hooks";
import { type Campaign, deleteCampaign } from "../../api/campaigns.ts";
import { campaignsHref, replaceRoute, setGuard } from "../../route.ts";
import { Confirm } from "../../ui/dialog.tsx";

export function DeleteButton({ campaign }: { campaign: Campaign }) {
  const [asking, setAsking] = useState(false);
  const remove = async () => {
    await deleteCampaign(campaign.id);
    setGuard(null);
    replaceRoute(campaignsHref);
  };
  return (
    <>
      <button type="button" class="button button-quiet" onClick={() => setAsking(true)} data-testid="campaign-delete">
        Delete
      </button>
      {asking && (
        <Confirm
          title={`Delete ${campaign.name}?`}
          confirm="Delete"
          busy="Deleting…"
          tone="danger"
          onConfirm={remove}
          onClose={() => setAsking(false)}
        >
          <p>Carts in its journeys leave them, and what was planned for them is not sent. Its results go with it.</p>
        </Confirm>
      )}
    </>
  );
}
