/** For a reader whose messages the broker has taken back. */
export const CONSUMER_TIMEOUT_HINT =
  'Take them faster, or fewer at once; consumer_timeout in rabbitmq.conf says how long they may be held, by default 30 minutes.';
