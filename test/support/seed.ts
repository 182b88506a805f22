/**
 * For whatever is random in the tests: printed with their names, and given again as TASKQ_TEST_SEED it makes the same
 * values.
 */
export const SEED = Number(process.env.TASKQ_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
