/** The broker that is meant where none is named. */
export const DEFAULT_URL = 'amqp://localhost:5672';
