package io.diskengine.engine.raid;

/**
 * How mirrors with a superblock keep their {@link WriteIntent}.
 *
 * @param enabled false for stock SPDK's behaviour: every rebuild copies everything
 * @param leastRegionBytes a power of two; regions are larger where an array has too many of them
 * @param sweepNs a region that nobody wrote for this long is taken out of the map, within as much
 *     again
 */
record IntentOptions(boolean enabled, long leastRegionBytes, long sweepNs) {
  static final IntentOptions DEFAULT = new IntentOptions(true, 4 << 20, 5_000_000_000L);
}
