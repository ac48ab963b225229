/** Texts that are like no other: words of letters in an order of their own. */
export function loner(n: number): string {
  let state = 0x9e3779b9 ^ Math.imul(n + 1, 0x85ebca6b);
  const letter = () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
    state ^= state >>> 12;
    return 'abcdefghijklmnopqrstuvwxyz'[(state >>> 3) % 26] ?? 'a';
  };
  return Array.from({ length: 7 }, () => Array.from({ length: 6 }, letter).join('')).join(' ');
}
