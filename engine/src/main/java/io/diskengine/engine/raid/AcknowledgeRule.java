package io.diskengine.engine.raid;

/**
 * Law 8: when a write may be acknowledged. A leg that does not have the write must first have left
 * every read set, and the other legs' superblocks must say so durably: else a restart could trust
 * it. (Stock SPDK acknowledges when any leg has the write, and records the loss afterwards.)
 */
interface AcknowledgeRule {
  AcknowledgeRule ON_ALL_TRUSTED_LEGS =
      (writtenOn, trusted) -> writtenOn != 0 && (trusted & ~writtenOn) == 0;

  /**
   * Both are sets of slots.
   *
   * @param writtenOn the legs that completed the write successfully
   * @param trusted the legs that a superblock on some leg may still call in sync
   */
  boolean mayAcknowledge(int writtenOn, int trusted);
}
