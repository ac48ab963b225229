/** What the simulated Mac tells as it happens. `at` is virtual Unix ms. */

export interface MacEvent {
  at: number;
  kind:
    | 'osascript' // somebody called it: `script`, `attempt`, `handle` (the target), `text`, `mode`, `pid`
    | 'osascript_ended' // and got an answer: `attempt`, `exit`
    | 'osascript_gone' // it was ended by somebody else
    | 'row' // an own row is there, not sent yet
    | 'sent'
    | 'delivered'
    | 'read'
    | 'not_delivered' // `error`
    | 'downgraded' // `service`
    | 'ghost' // a row that says nothing: a failed send
    | 'inbound'
    | 'changed' // an edit, an unsending, a tapback of a message that is there
    | 'own' // the owner wrote by hand
    | 'reported' // a contact pressed Report Junk
    | 'junk_verdict' // Apple takes nothing from this sender any more
    | 'db_replaced'
    | 'complaint'; // the caller broke the contract: `words`
  handle?: string;
  /** Apple's guid of the chat. */
  chat?: string;
  text?: string;
  guid?: string;
  rowid?: number;
  error?: number;
  service?: string;
  script?: string;
  attempt?: string;
  mode?: string;
  pid?: number;
  exit?: number;
  words?: string;
  /** Path of the file that was sent. */
  file?: string;
}

export type Told = Omit<MacEvent, 'at'>;
