/** A policy for stages with many strangers: the rules that look at people, so wide that a test of something else does not meet them. */
export const WIDE_RULES = {
  bulk_transactional: 'allow',
  caps: {
    new_contacts_day: 1_000_000,
    new_contacts_hour: 1_000_000,
    unanswered: 1_000_000,
    pair_rate: 1_000_000,
    daily_volume: 1_000_000,
  },
};
