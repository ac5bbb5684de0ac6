/** How well a text fits what somebody types: all its letters in their order, better together and at the beginnings of words. */

/** The larger the better; 0: it does not fit. Nothing typed fits everything alike. */
export function fitness(typed: string, text: string): number {
  const [needle, hay] = [typed.toLowerCase().replace(/\s+/g, ""), text.toLowerCase()];
  if (!needle) return 1;
  const whole = hay.indexOf(typed.toLowerCase().trim());
  if (whole >= 0) return 1000 - Math.min(whole, 400) - Math.min(hay.length, 200) + (whole === 0 || /\W/.test(hay[whole - 1] ?? "") ? 200 : 0);
  let [score, at, last] = [0, 0, -2];
  for (const letter of needle) {
    const found = hay.indexOf(letter, at);
    if (found < 0) return 0;
    score += 1 + (found === last + 1 ? 6 : 0) + (found === 0 || /\W/.test(hay[found - 1] ?? "") ? 4 : 0);
    [last, at] = [found, found + 1];
  }
  return Math.max(1, score - (last - needle.length) / 10);
}

/** Of many things the best, best first; of those that fit alike the order stays. */
export function best<T>(typed: string, things: readonly T[], text: (thing: T) => string, most: number): T[] {
  return things
    .map((thing, order) => ({ thing, order, fit: fitness(typed, text(thing)) }))
    .filter((each) => each.fit > 0)
    .sort((a, b) => b.fit - a.fit || a.order - b.order)
    .slice(0, most)
    .map((each) => each.thing);
}
