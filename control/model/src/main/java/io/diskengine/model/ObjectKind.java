package io.diskengine.model;

/** The kinds of rows that actions, reasons and events speak about. */
public enum ObjectKind {
  CLUSTER,
  NODE,
  DISK,
  VOLUME,
  LVOL,
  GRANT,
  VOLUME_MAPPING,
  VM_MAPPING;

  /** The word of the API and the command, e.g. {@code volume-mapping}. */
  public String text() {
    return name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
  }
}
