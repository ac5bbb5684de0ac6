import type { JSX } from "preact";

const PATHS = {
  live: "M4 8a7 7 0 0 0 0 8M20 8a7 7 0 0 1 0 8M12 10a2 2 0 1 0 0 4 2 2 0 0 0 0-4",
  golive: "M12 19V5M6 11l6-6 6 6",
  restream: "M4 12h7M11 12l8-6M11 12l8 6M15 5.500h4.500V10M15 18.500h4.500V14",
  recordings: "M4 5h16v14H4zM10 9l5 3-5 3z",
  rooms: "M5 20V4h9v16M14 8h5v12M3 20h18M11 12v1",
  activity: "M3 12h4l3-7 4 14 3-7h4",
  edges: "M4 5h16v6H4zM4 13h16v6H4zM7 8h.01M7 16h.01",
  settings: "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6M12 3v3M12 18v3M3 12h3M18 12h3M5.600 5.600l2.100 2.100M16.300 16.300l2.100 2.100M18.400 5.600l-2.100 2.100M7.700 16.300l-2.100 2.100",
  callbacks: "M9 7L4 12l5 5M4 12h11a5 5 0 0 1 5 5v1",
  sources: "M3 7h12v10H3zM15 11l6-4v10l-6-4",
  api: "M8 7l-5 5 5 5M16 7l5 5-5 5M13 5l-2 14",
  health: "M12 20s-8-4.600-8-10.500A4.500 4.500 0 0 1 12 7a4.500 4.500 0 0 1 8 2.500C20 15.400 12 20 12 20",
  search: "M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13M15.500 15.500L20 20",
  handle: "M9 6h.01M9 12h.01M9 18h.01M15 6h.01M15 12h.01M15 18h.01",
  up: "M6 15l6-6 6 6",
  down: "M6 9l6 6 6-6",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  close: "M6 6l12 12M18 6L6 18",
  play: "M8 5l11 7-11 7z",
  out: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
} as const;

export type IconName = keyof typeof PATHS;

export const Icon = ({ name }: { name: IconName }): JSX.Element => (
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
    <path d={PATHS[name]} />
  </svg>
);
