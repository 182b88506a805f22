/** For a reader whose messages the broker has taken back. */
export const CONSUMER_TIMEOUT_HINT =
  'Handle messages faster, or fetch fewer at once; consumer_timeout in rabbitmq.conf limits how long they may stay unacknowledged (default: 30 minutes).';
