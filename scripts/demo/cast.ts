/** Who is in the story. All numbers are from the range that is kept free for stories. */

export const ANN = '+14155550101';
export const BOB = '+14155550102';
/** Not on iMessage. */
export const NORA = '+14155550103';
/** Her failure shows late. */
export const LATE = '+14155550104';

/** Five who ask the chatbot at once. */
export const ASKING = ['+14155550111', '+14155550112', '+14155550113', '+14155550114', '+14155550115'];

/** Twelve whose orders are ready. */
export const CUSTOMERS = Array.from({ length: 12 }, (_, index) => `+141555501${30 + index}`);
/** The one of them who says STOP while her message is held. */
export const STOPS = CUSTOMERS[8] ?? '';

const NAMES: Record<string, string> = {
  [ANN]: 'Ann',
  [BOB]: 'Bob',
  [NORA]: 'Nora',
  [LATE]: 'Lars',
  [STOPS]: 'Ines',
};
const ASKING_NAMES = ['Ada', 'Ben', 'Cem', 'Dia', 'Eli'];
const CUSTOMER_NAMES = ['Ayo', 'Bea', 'Cleo', 'Dan', 'Eve', 'Finn', 'Gus', 'Hana', 'Ines', 'Jon', 'Kim', 'Lea'];

/** The name of a handle, or the handle itself. */
export function nameOf(handle: string): string {
  const asking = ASKING.indexOf(handle);
  const customer = CUSTOMERS.indexOf(handle);
  return NAMES[handle] ?? ASKING_NAMES[asking] ?? CUSTOMER_NAMES[customer] ?? handle;
}
