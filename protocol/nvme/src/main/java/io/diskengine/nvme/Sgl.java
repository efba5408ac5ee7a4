package io.diskengine.nvme;

/**
 * One 16-byte SGL descriptor (NVMe Base 2.0, 4.1.2). Address and length for all types but the keyed
 * data block, whose length has 24 bits and is followed by a 32-bit key.
 */
public final class Sgl {
  public static final int SIZE = 16;

  public static final int TYPE_DATA_BLOCK = 0x0;

  public static final int TYPE_BIT_BUCKET = 0x1;

  public static final int TYPE_SEGMENT = 0x2;

  public static final int TYPE_LAST_SEGMENT = 0x3;

  public static final int TYPE_KEYED_DATA_BLOCK = 0x4;

  /** Data that the transport carries (R2T, C2HData). */
  public static final int TYPE_TRANSPORT_DATA_BLOCK = 0x5;

  public static final int SUBTYPE_ADDRESS = 0x0;

  /** With a data block: {@code address} is an offset into the capsule's data. */
  public static final int SUBTYPE_OFFSET = 0x1;

  /** With a transport data block. */
  public static final int SUBTYPE_TRANSPORT = 0xa;

  /** {@code identifier}: data block, offset (in-capsule data). */
  public static final int IN_CAPSULE = 0x01;

  /** {@code identifier}: transport data block, transport specific. */
  public static final int TRANSPORT = 0x5a;

  public static final int ADDRESS = 0;

  /** Bytes. */
  public static final int LENGTH = 8;

  /** Type in bits 7:4, sub type in bits 3:0. */
  public static final int IDENTIFIER = 15;

  public static final int KEYED = 8;

  private Sgl() {}

  public static long address(long sgl) {
    return NativeMemory.getLong(sgl + ADDRESS);
  }

  public static void address(long sgl, long v) {
    NativeMemory.putLong(sgl + ADDRESS, v);
  }

  public static long length(long sgl) {
    return NativeMemory.getUnsignedInt(sgl + LENGTH);
  }

  public static void length(long sgl, long v) {
    NativeMemory.putInt(sgl + LENGTH, (int) v);
  }

  public static int identifier(long sgl) {
    return NativeMemory.getUnsignedByte(sgl + IDENTIFIER);
  }

  public static void identifier(long sgl, int v) {
    NativeMemory.putByte(sgl + IDENTIFIER, (byte) v);
  }

  public static int subtype(long sgl) {
    return Bits.get8(sgl + IDENTIFIER, 0, 4);
  }

  public static void subtype(long sgl, int v) {
    Bits.put8(sgl + IDENTIFIER, 0, 4, v);
  }

  public static int type(long sgl) {
    return Bits.get8(sgl + IDENTIFIER, 4, 4);
  }

  public static void type(long sgl, int v) {
    Bits.put8(sgl + IDENTIFIER, 4, 4, v);
  }

  /** Bytes, of a keyed data block. */
  public static int keyedLength(long sgl) {
    return (int) Bits.get64(sgl + KEYED, 0, 24);
  }

  public static void keyedLength(long sgl, int v) {
    Bits.put64(sgl + KEYED, 0, 24, v);
  }

  public static int key(long sgl) {
    return (int) Bits.get64(sgl + KEYED, 24, 32);
  }

  public static void key(long sgl, int v) {
    Bits.put64(sgl + KEYED, 24, 32, v);
  }

  /** In-capsule data: {@code length} bytes at {@code offset} of the capsule's data. */
  public static void inCapsule(long sgl, long offset, long length) {
    set(sgl, offset, length, IN_CAPSULE);
  }

  /** Data that the transport carries outside the capsule. */
  public static void transport(long sgl, long length) {
    set(sgl, 0, length, TRANSPORT);
  }

  private static void set(long sgl, long address, long length, int identifier) {
    address(sgl, address);
    NativeMemory.putLong(sgl + LENGTH, 0);
    length(sgl, length);
    identifier(sgl, identifier);
  }
}
