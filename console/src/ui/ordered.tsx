import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { moved } from "../order";
import { Icon } from "./icons";

interface OrderedProps<T> {
  label: string;
  items: readonly T[];
  name: (item: T) => string;
  change: (items: T[]) => void;
  children: (item: T) => ComponentChildren;
}

/** A list whose order is changed by dragging, or by a button up and one down; what moved where is said. */
export function Ordered<T extends { key: string }>(p: OrderedProps<T>): JSX.Element {
  const [dragged, setDragged] = useState<number | null>(null);
  const [over, setOver] = useState<number | null>(null);
  const [said, setSaid] = useState("");
  const words = t().sources;
  const move = (from: number, to: number): void => {
    const item = p.items[from];
    if (!item || to < 0 || to >= p.items.length || from === to) return;
    p.change(moved(p.items, from, to));
    setSaid(words.movedTo(p.name(item), to + 1, p.items.length));
  };
  const end = (): void => {
    setDragged(null);
    setOver(null);
  };
  return (
    <>
      <ol class="ordered" aria-label={p.label}>
        {p.items.map((item, index) => (
          <li
            key={item.key}
            class={over === index && dragged !== index ? "over" : ""}
            draggable
            onDragStart={(e) => {
              setDragged(index);
              e.dataTransfer?.setData("text/plain", String(index));
            }}
            onDragOver={(e) => {
              if (dragged === null) return;
              e.preventDefault();
              setOver(index);
            }}
            onDrop={(e) => {
              if (dragged === null) return;
              e.preventDefault();
              e.stopPropagation();
              move(dragged, index);
              end();
            }}
            onDragEnd={end}
          >
            <span class="place">{index + 1}</span>
            <div>{p.children(item)}</div>
            <span class="tools">
              <button type="button" class="button quiet" aria-disabled={index === 0} aria-label={words.up(p.name(item))} onClick={() => move(index, index - 1)}>
                <Icon name="up" />
              </button>
              <button type="button" class="button quiet" aria-disabled={index === p.items.length - 1} aria-label={words.down(p.name(item))} onClick={() => move(index, index + 1)}>
                <Icon name="down" />
              </button>
            </span>
          </li>
        ))}
      </ol>
      <p class="offscreen" aria-live="polite">
        {said}
      </p>
    </>
  );
}
