package io.diskengine.engine.raid;

/** What the levels have in common that spread blocks over legs and keep none of them twice. */
abstract class StripedLevel implements RaidLevel {
  private final String label;
  private final int number;

  StripedLevel(String label, int number) {
    this.label = label;
    this.number = number;
  }

  @Override
  public final String label() {
    return label;
  }

  @Override
  public final int number() {
    return number;
  }

  @Override
  public final int leastLegs() {
    return 1;
  }

  @Override
  public final int mostLegs() {
    return Raid.MOST_STRIPED_LEGS;
  }

  @Override
  public final int leastOperational(int slots) {
    return slots;
  }

  @Override
  public final boolean acceptsStripSize(long stripSizeKb) {
    return Long.bitCount(stripSizeKb) == 1;
  }
}
