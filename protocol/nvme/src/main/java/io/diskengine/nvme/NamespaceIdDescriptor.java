package io.diskengine.nvme;

import java.util.UUID;

/**
 * One entry of the namespace identification descriptor list (NVMe Base 2.0, 5.17.2.3), CNS 03h:
 * type, length, two reserved bytes, the identifier. The list ends at a length of 0 or at 4096
 * bytes.
 */
public final class NamespaceIdDescriptor {
  /** Types; identifiers of 8 bytes. */
  public static final int EUI64 = 1;

  /** 16 bytes. */
  public static final int NGUID = 2;

  /** 16 bytes. */
  public static final int UUID = 3;

  /** 1 byte: the namespace's command set. */
  public static final int CSI = 4;

  public static final int HEADER_SIZE = 4;

  /** Type. */
  public static final int NIDT = 0;

  /** Length of the identifier, bytes. */
  public static final int NIDL = 1;

  /** The identifier, big-endian. */
  public static final int NID = 4;

  private NamespaceIdDescriptor() {}

  public static int nidt(long descriptor) {
    return NativeMemory.getUnsignedByte(descriptor + NIDT);
  }

  public static void nidt(long descriptor, int v) {
    NativeMemory.putByte(descriptor + NIDT, (byte) v);
  }

  public static int nidl(long descriptor) {
    return NativeMemory.getUnsignedByte(descriptor + NIDL);
  }

  public static void nidl(long descriptor, int v) {
    NativeMemory.putByte(descriptor + NIDL, (byte) v);
  }

  /** Writes a UUID or NGUID descriptor; returns the address behind it. */
  public static long put(long descriptor, int nidt, UUID id) {
    Uuids.put(start(descriptor, nidt, 16), id);
    return next(descriptor);
  }

  public static long putEui64(long descriptor, long eui64) {
    NativeMemory.putLongBe(start(descriptor, EUI64, 8), eui64);
    return next(descriptor);
  }

  public static long putCsi(long descriptor, int csi) {
    NativeMemory.putByte(start(descriptor, CSI, 1), (byte) csi);
    return next(descriptor);
  }

  /** The address behind this descriptor. */
  public static long next(long descriptor) {
    return descriptor + HEADER_SIZE + nidl(descriptor);
  }

  /**
   * Finds a type in the list at {@code list} of {@link IdentifyCommand#DATA_SIZE} bytes; returns
   * the address of its descriptor, 0 when there is none whole. The list may come from anybody.
   */
  public static long find(long list, int nidt) {
    long end = list + IdentifyCommand.DATA_SIZE;
    long at = list;
    while (at + HEADER_SIZE <= end && nidl(at) != 0 && next(at) <= end) {
      if (nidt(at) == nidt) {
        return at;
      }
      at = next(at);
    }
    return 0;
  }

  private static long start(long descriptor, int nidt, int nidl) {
    NativeMemory.putInt(descriptor, 0);
    nidt(descriptor, nidt);
    nidl(descriptor, nidl);
    return descriptor + NID;
  }
}
