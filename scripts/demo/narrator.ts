/** Says what happens, as it happens: the controller's events and the simulated Mac's, as lines of the timeline. */
import type { StoredEvent } from '../../protocol/controller.ts';
import type { MessageInbound, MessageStatus } from '../../protocol/events.ts';
import { nameOf } from './cast.ts';
import { COMMANDS } from './story.ts';
import type { Timeline } from './timeline.ts';

export class Narrator {
  readonly #timeline: Timeline;
  /** When the last of the twelve went out, virtual Unix ms. */
  #lastOfMany: number | null = null;
  #many = 0;
  #heldSaid = false;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  event({ name, data }: StoredEvent): void {
    if (name === 'message.status') this.#status(data as MessageStatus);
    else if (name === 'message.inbound') this.#inbound(data as MessageInbound);
    else if (name === 'contact.opted_out')
      this.#timeline.say('relay', `${nameOf(String(data.handle))} is opted out: nothing goes there any more.`);
    else if (name === 'command.result' && data.ok === false)
      this.#timeline.say('relay', `refused, ${String(data.code)}: ${String(data.message)}`);
  }

  #status(status: MessageStatus): void {
    const who = nameOf(status.to);
    if (status.command === COMMANDS.ready) return this.#ofMany(status, who);
    const words = this.#words(status, who);
    if (words) this.#timeline.say('relay', words, status.state === 'not_delivered');
  }

  #words(status: MessageStatus, who: string): string | null {
    switch (status.state) {
      case 'sent':
        return `to ${who}: sent`;
      case 'delivered':
        return `to ${who}: delivered`;
      case 'read':
        return `to ${who}: read`;
      case 'not_delivered':
        return `to ${who}: Not delivered (${status.apple_error?.number} ${status.apple_error?.name}). ${status.words ?? ''}`.trim();
      case 'unknown':
        return `to ${who}: unknown. ${status.words ?? ''}`.trim();
      case 'failed':
      case 'rejected':
        return `to ${who}: ${status.state} (${status.code}). ${status.words ?? ''}`.trim();
      case 'held':
        return `to ${who}: held. ${status.evidence?.words ?? ''}`.trim();
      default:
        return null;
    }
  }

  /** Twelve near-same texts: the first wait in words, then only the times between them. */
  #ofMany(status: MessageStatus, who: string): void {
    if (status.state === 'held' && !this.#heldSaid) {
      this.#heldSaid = true;
      this.#timeline.say('relay', `to ${who}: held. ${status.evidence?.words ?? ''}`.trim());
    } else if (status.state === 'sent') {
      this.#many += 1;
      const gap =
        this.#lastOfMany === null
          ? ''
          : `, ${Math.round((status.at - this.#lastOfMany) / 1000)} s after the one before`;
      this.#lastOfMany = status.at;
      this.#timeline.say('relay', `“ready” no. ${this.#many}, to ${who}: sent${gap}`);
    } else if (status.state === 'rejected')
      this.#timeline.say(
        'relay',
        `to ${who}: rejected (${status.code}) while it was held. ${status.words ?? ''}`.trim(),
      );
    else if (status.state === 'not_delivered' || status.state === 'unknown' || status.state === 'failed')
      this.#timeline.say('relay', this.#words(status, who) ?? '', true);
  }

  #inbound({ from, text, late }: MessageInbound): void {
    this.#timeline.say('phone', `${nameOf(from)} wrote: “${text}”${late ? ' (some days ago)' : ''}`);
  }
}
