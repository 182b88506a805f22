export type ReplayChange = 'cc' | 'bcc' | 'user_id' | 'expiration' | 'counters';
export interface ReplayPolicy {
  userId: string | undefined;
  keepExpiration: boolean;
}
export function applyReplayPolicy(
  list: Buffer,
  _p: ReplayPolicy,
): { list: Buffer; changes: readonly ReplayChange[] } {
  return { list, changes: [] };
}
