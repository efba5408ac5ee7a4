package io.diskengine.nvme;

/**
 * A list of 1024 namespace identifiers in ascending order, unused entries 0: Identify CNS 02h and
 * the changed namespace list log page (NVMe Base 2.0, 5.16.1.5, 5.17.2.2).
 */
public final class NamespaceList {
  public static final int SIZE = 4096;
  public static final int MAX_ENTRIES = 1024;

  /** First entry of a changed namespace list when more namespaces changed than fit. */
  public static final int MORE_THAN_FIT = 0xffffffff;

  private NamespaceList() {}

  public static int nsid(long list, int index) {
    return NativeMemory.getInt(list + 4L * index);
  }

  public static void nsid(long list, int index, int v) {
    NativeMemory.putInt(list + 4L * index, v);
  }

  /** Entries in use: up to the first 0. */
  public static int entries(long list) {
    int n = 0;
    while (n < MAX_ENTRIES && nsid(list, n) != 0) {
      n++;
    }
    return n;
  }
}
