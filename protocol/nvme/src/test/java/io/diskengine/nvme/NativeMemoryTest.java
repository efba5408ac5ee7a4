package io.diskengine.nvme;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class NativeMemoryTest {
  private final Arena arena = Arena.ofConfined();
  private final long memory = arena.allocate(4096, 64).address();

  @AfterEach
  void free() {
    arena.close();
  }

  @Test
  void plainAccessorsAreLittleEndianAndUnaligned() {
    NativeMemory.putShort(memory + 1, (short) 0x8102);
    NativeMemory.putInt(memory + 3, 0x81020304);
    NativeMemory.putLong(memory + 7, 0x8102030405060708L);
    NativeMemory.putByte(memory + 15, (byte) 0x81);
    assertArrayEquals(
        bytes(0, 0x02, 0x81, 4, 3, 2, 0x81, 8, 7, 6, 5, 4, 3, 2, 0x81, 0x81),
        NativeMemory.bytes(memory, 16));
    assertEquals((short) 0x8102, NativeMemory.getShort(memory + 1));
    assertEquals(0x8102, NativeMemory.getUnsignedShort(memory + 1));
    assertEquals(0x81020304, NativeMemory.getInt(memory + 3));
    assertEquals(0x81020304L, NativeMemory.getUnsignedInt(memory + 3));
    assertEquals(0x8102030405060708L, NativeMemory.getLong(memory + 7));
    assertEquals((byte) 0x81, NativeMemory.getByte(memory + 15));
    assertEquals(0x81, NativeMemory.getUnsignedByte(memory + 15));
  }

  @Test
  void bigEndianAccessorsStoreTheMostSignificantByteFirst() {
    NativeMemory.putShortBe(memory + 1, (short) 0x8102);
    NativeMemory.putIntBe(memory + 3, 0x81020304);
    NativeMemory.putLongBe(memory + 7, 0x8102030405060708L);
    assertArrayEquals(
        bytes(0, 0x81, 2, 0x81, 2, 3, 4, 0x81, 2, 3, 4, 5, 6, 7, 8),
        NativeMemory.bytes(memory, 15));
    assertEquals((short) 0x8102, NativeMemory.getShortBe(memory + 1));
    assertEquals(0x81020304, NativeMemory.getIntBe(memory + 3));
    assertEquals(0x8102030405060708L, NativeMemory.getLongBe(memory + 7));
  }

  @Test
  void orderedAccessorsReadWhatTheyWroteAtTheSamePlaceAsPlainOnes() {
    NativeMemory.putShortRelease(memory, (short) 0x8102);
    assertEquals((short) 0x8102, NativeMemory.getShort(memory));
    assertEquals((short) 0x8102, NativeMemory.getShortAcquire(memory));
    NativeMemory.putShortVolatile(memory, (short) 0x7103);
    assertEquals((short) 0x7103, NativeMemory.getShortVolatile(memory));
    NativeMemory.putIntRelease(memory + 4, 0x81020304);
    assertEquals(0x81020304, NativeMemory.getInt(memory + 4));
    assertEquals(0x81020304, NativeMemory.getIntAcquire(memory + 4));
    NativeMemory.putIntVolatile(memory + 4, 5);
    assertEquals(5, NativeMemory.getIntVolatile(memory + 4));
    assertTrue(NativeMemory.compareAndSetInt(memory + 4, 5, 6));
    assertFalse(NativeMemory.compareAndSetInt(memory + 4, 5, 7));
    assertEquals(6, NativeMemory.getInt(memory + 4));
    NativeMemory.putLongRelease(memory + 8, 0x8102030405060708L);
    assertEquals(0x8102030405060708L, NativeMemory.getLong(memory + 8));
    assertEquals(0x8102030405060708L, NativeMemory.getLongAcquire(memory + 8));
    NativeMemory.putLongVolatile(memory + 8, 9);
    assertEquals(9, NativeMemory.getLongVolatile(memory + 8));
    assertTrue(NativeMemory.compareAndSetLong(memory + 8, 9, 10));
    assertFalse(NativeMemory.compareAndSetLong(memory + 8, 9, 11));
    assertEquals(10, NativeMemory.getLong(memory + 8));
  }

  @Test
  void orderedAccessorsRefuseUnalignedAddresses() {
    assertThrows(IllegalArgumentException.class, () -> NativeMemory.getIntAcquire(memory + 2));
    assertThrows(
        IllegalArgumentException.class, () -> NativeMemory.putShortRelease(memory + 1, (short) 0));
  }

  @Test
  void copyMovesOverlappingRanges() {
    NativeMemory.copy(bytes(1, 2, 3, 4, 5, 6), 1, memory, 5);
    NativeMemory.copy(memory, memory + 2, 5);
    assertArrayEquals(bytes(2, 3, 2, 3, 4, 5, 6), NativeMemory.bytes(memory, 7));
    byte[] target = new byte[4];
    NativeMemory.copy(memory + 5, target, 1, 2);
    assertArrayEquals(bytes(0, 5, 6, 0), target);
  }

  @Test
  void fillTouchesOnlyItsRange() {
    NativeMemory.fill(memory + 3, 5, (byte) 0xaa);
    assertArrayEquals(
        bytes(0, 0, 0, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0), NativeMemory.bytes(memory, 9));
    NativeMemory.zero(memory + 4, 3);
    assertArrayEquals(bytes(0, 0, 0, 0xaa, 0, 0, 0, 0xaa, 0), NativeMemory.bytes(memory, 9));
  }

  @Test
  void isZeroSeesEveryByteOfTheRangeAndNoneBeside() {
    assertTrue(NativeMemory.isZero(memory, 0));
    for (int length = 1; length < 100; length++) {
      for (int at = 0; at < length; at++) {
        NativeMemory.putByte(memory + 5 + at, (byte) 0x80);
        assertFalse(NativeMemory.isZero(memory + 5, length));
        NativeMemory.putByte(memory + 5 + at, (byte) 0);
      }
      NativeMemory.putByte(memory + 4, (byte) 1);
      NativeMemory.putByte(memory + 5 + length, (byte) 1);
      assertTrue(NativeMemory.isZero(memory + 5, length));
      NativeMemory.putByte(memory + 5 + length, (byte) 0);
    }
  }

  @Test
  void equalComparesWholeRanges() {
    NativeMemory.copy(bytes(1, 2, 3), 0, memory, 3);
    NativeMemory.copy(bytes(1, 2, 4), 0, memory + 8, 3);
    assertTrue(NativeMemory.equal(memory, memory + 8, 2));
    assertFalse(NativeMemory.equal(memory, memory + 8, 3));
  }

  @Test
  void bitFieldsKeepTheirNeighbours() {
    long seed = System.nanoTime();
    System.out.println("bitFieldsKeepTheirNeighbours seed " + seed);
    Random random = new Random(seed);
    for (int i = 0; i < 20_000; i++) {
      int bits = 8 << random.nextInt(4);
      int shift = random.nextInt(bits);
      int width = 1 + random.nextInt(bits - shift);
      long before = random.nextLong();
      long value = random.nextLong();
      NativeMemory.putLong(memory, before);
      long mask = (-1L >>> (64 - width)) << shift;
      long read =
          switch (bits) {
            case 8 -> {
              Bits.put8(memory, shift, width, (int) value);
              yield Bits.get8(memory, shift, width);
            }
            case 16 -> {
              Bits.put16(memory, shift, width, (int) value);
              yield Bits.get16(memory, shift, width);
            }
            case 32 -> {
              Bits.put32(memory, shift, width, (int) value);
              yield Bits.get32(memory, shift, width) & 0xffff_ffffL;
            }
            default -> {
              Bits.put64(memory, shift, width, value);
              yield Bits.get64(memory, shift, width);
            }
          };
      assertEquals(before & ~mask | value << shift & mask, NativeMemory.getLong(memory));
      assertEquals(value & mask >>> shift, read);
    }
  }

  private static byte[] bytes(int... values) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < values.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return bytes;
  }
}
