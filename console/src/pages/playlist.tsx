import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { duration, size } from "../format";
import { t } from "../i18n";
import { lengthOf, probedWords } from "../media";
import { Uploader, type Found, type Progress } from "../upload";
import { Button, Field } from "../ui/parts";
import { wordsOf } from "../ui/problems";
import { Ordered } from "../ui/ordered";
import { say } from "../ui/toasts";

/** One thing of a playlist: a file that is being brought in, or one that lies at the edge. */
export interface Item {
  key: string;
  name: string;
  size: number;
  /** The path of a file of the edge; '' for an upload. */
  file: string;
  progress: Progress | null;
}

/** What a source is given of it; null while it is not ready. */
export const inputOf = (item: Item): { file: string } | { upload: string } | null =>
  item.file ? { file: item.file } : item.progress?.found ? { upload: item.progress.found.target } : null;

const ENDINGS = ".mp4,.flv,.ts,.mkv,.mov,.m4v,.mp3,.m4a,.aac,.wav,video/*,audio/*";

/** What a probe found, with its length. */
export function Probed({ found }: { found: Pick<Found, "format" | "video" | "audio"> & { size?: number } }): JSX.Element | null {
  const words = t().sources;
  const length = lengthOf(found);
  const parts = [probedWords(found, words.turned), length === null ? "" : duration(length), found.size ? size(found.size) : ""];
  const text = parts.filter(Boolean).join(" · ");
  return text ? <span class="under">{text}</span> : null;
}

function Bar({ item, uploader, remove }: { item: Item; uploader: Uploader | undefined; remove: () => void }): JSX.Element {
  const words = t().sources;
  const progress = item.progress;
  const state = progress?.state ?? "waiting";
  const running = state === "sending" || state === "waiting";
  const percent = item.size ? Math.floor(((progress?.sent ?? 0) / item.size) * 100) : 0;
  return (
    <>
      <strong>{item.name}</strong>
      {progress?.found ? (
        <Probed found={{ ...progress.found, size: item.size }} />
      ) : (
        !item.file && (
          <>
            <progress max={item.size} value={progress?.sent ?? 0} aria-label={words.uploadOf(item.name)} />
            <span class={state === "failed" ? "under why" : "under"} role={state === "failed" ? "alert" : undefined}>
              {progress?.problem ? wordsOf(progress.problem) : `${words.uploadStates[state]} · ${size(progress?.sent ?? 0)} / ${size(item.size)} (${percent} %)`}
            </span>
          </>
        )
      )}
      <div class="actions">
        {running && uploader && (
          <Button kind="quiet" label={`${words.pause}: ${item.name}`} press={() => uploader.pause()}>
            {words.pause}
          </Button>
        )}
        {(state === "paused" || state === "failed") && uploader && (
          <Button kind="quiet" label={`${words.resume}: ${item.name}`} press={() => uploader.start()}>
            {words.resume}
          </Button>
        )}
        <Button kind="danger" label={`${t().common.remove}: ${item.name}`} press={remove}>
          {t().common.remove}
        </Button>
      </div>
    </>
  );
}

function Drop({ take }: { take: (files: readonly File[]) => void }): JSX.Element {
  const words = t().sources;
  const [over, setOver] = useState(false);
  return (
    <div
      class={over ? "drop over" : "drop"}
      onDragOver={(e) => {
        e.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(e) => {
        e.preventDefault();
        setOver(false);
        take([...(e.dataTransfer?.files ?? [])]);
      }}
    >
      <input
        id="files"
        type="file"
        multiple
        accept={ENDINGS}
        onChange={(e) => {
          take([...(e.currentTarget.files ?? [])]);
          e.currentTarget.value = "";
        }}
      />
      <label for="files" class="button">
        {words.choose}
      </label>
      <p>{words.dropHint}</p>
    </div>
  );
}

/** What is played, in its order: files are uploaded as soon as they are chosen, and go on by themselves. */
export function Playlist({ items, change, node }: { items: readonly Item[]; change: (update: (items: readonly Item[]) => readonly Item[]) => void; node: string }): JSX.Element {
  const words = t().sources;
  const uploaders = useRef(new Map<string, Uploader>());
  const [path, setPath] = useState("");
  useEffect(() => () => uploaders.current.forEach((each) => each.pause()), []);
  const add = (item: Omit<Item, "key">): string => {
    const key = Math.random().toString(36).slice(2);
    change((now) => [...now, { ...item, key }]);
    return key;
  };
  const take = (files: readonly File[]): void => {
    for (const file of files) {
      if (!file.size) {
        say(words.emptyFile(file.name), "bad");
        continue;
      }
      const key = add({ name: file.name, size: file.size, file: "", progress: null });
      const uploader = new Uploader(file, node, (progress) => change((now) => now.map((each) => (each.key === key ? { ...each, progress } : each))));
      uploaders.current.set(key, uploader);
      uploader.start();
    }
  };
  const remove = (item: Item): void => {
    void uploaders.current.get(item.key)?.cancel();
    uploaders.current.delete(item.key);
    change((now) => now.filter((each) => each.key !== item.key));
  };
  return (
    <>
      <Drop take={take} />
      <div class="row">
        <Field label={words.edgeFile} value={path} change={setPath} placeholder="films/music.mp4" hint={words.fileHint} />
        <Button
          disabled={!path.trim()}
          press={() => {
            add({ name: path.trim(), size: 0, file: path.trim(), progress: null });
            setPath("");
          }}
        >
          {words.addFile}
        </Button>
      </div>
      {items.length > 0 && (
        <Ordered label={words.plays} items={items} name={(item) => item.name} change={(next) => change(() => next)}>
          {(item) => <Bar item={item} uploader={uploaders.current.get(item.key)} remove={() => remove(item)} />}
        </Ordered>
      )}
    </>
  );
}
