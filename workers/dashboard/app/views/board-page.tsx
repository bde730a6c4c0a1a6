/** The live cart board. */
import { useRef } from "preact/hooks";
import { words } from "../format.ts";
import { COLUMN_NAMES } from "../live/apply.ts";
import {
  carts,
  columns,
  loadBoard,
  loaded,
  loadOlderCarts,
  loadProblem,
  olderCarts,
  systemMessage,
} from "../live/store.ts";
import { Notice, ProblemNotice } from "../ui/notice.tsx";
import { BoardColumn } from "./board-column.tsx";
import { useBoardMotion } from "./board-motion.ts";
import { useShownColumn } from "./board-swipe.ts";
import { ClosedCarts } from "./closed-carts.tsx";
import { EmptyStore } from "./empty-store.tsx";
import { SignalNotice } from "./signal-notice.tsx";
import { Tiles } from "./tiles.tsx";

export function BoardPage() {
  const board = useRef<HTMLDivElement>(null);
  const known = columns.value;
  const ready = loaded.value;
  const { shown, show } = useShownColumn(board);
  useBoardMotion(board, ready);
  return (
    <>
      <div class="sea">
        <h1 class="visually-hidden">Live carts</h1>
        <Tiles />
      </div>
      <div class="page board-page" data-empty={ready && carts.value.size === 0}>
        <Notices />
        {ready && carts.value.size === 0 && <EmptyStore />}
        <nav class="column-tabs" aria-label="Columns">
          {COLUMN_NAMES.map((name) => (
            <button key={name} type="button" data-tone={name} aria-current={shown === name} onClick={() => show(name)}>
              <span>{known[name].length}</span> {words(name)}
            </button>
          ))}
        </nav>
        <div class="columns" ref={board} aria-busy={!ready}>
          {COLUMN_NAMES.map((name) => (
            <BoardColumn key={name} name={name} carts={known[name]} />
          ))}
        </div>
        <ClosedCarts carts={known.closed} />
        {olderCarts.value !== null && (
          <button type="button" class="button older" onClick={() => void loadOlderCarts()}>
            Load older carts
          </button>
        )}
      </div>
    </>
  );
}

function Notices() {
  return (
    <>
      {loadProblem.value && <ProblemNotice problem={loadProblem.value} retry={() => void loadBoard()} />}
      <SignalNotice />
      {systemMessage.value && (
        <Notice
          title="From Cartwake"
          dismiss={() => {
            systemMessage.value = null;
          }}
        >
          {systemMessage.value}
        </Notice>
      )}
    </>
  );
}
