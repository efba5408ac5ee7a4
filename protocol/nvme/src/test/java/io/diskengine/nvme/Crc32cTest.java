package io.diskengine.nvme;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class Crc32cTest {
  private final Arena arena = Arena.ofConfined();
  private final long memory = arena.allocate(65536).address();
  private final Crc32c crc = new Crc32c();

  @AfterEach
  void free() {
    arena.close();
  }

  @Test
  void matchesTheVectorsOfRfc3720() {
    assertEquals(0x8a9136aa, crc.of(memory, 32)); // 32 zeros
    NativeMemory.fill(memory, 32, (byte) 0xff);
    assertEquals(0x62a8ab43, crc.of(memory, 32));
    for (int i = 0; i < 32; i++) {
      NativeMemory.putByte(memory + i, (byte) i);
    }
    assertEquals(0x46dd794e, crc.of(memory, 32));
    NativeMemory.copy("123456789".getBytes(StandardCharsets.US_ASCII), 0, memory, 9);
    assertEquals(0xe3069283, crc.of(memory, 9));
    assertEquals(0, crc.of(memory, 0));
  }

  @Test
  void piecesGiveTheDigestOfTheWholeAtAnyLengthAndAlignment() {
    long seed = System.nanoTime();
    System.out.println("piecesGiveTheDigestOfTheWhole seed " + seed);
    Random random = new Random(seed);
    byte[] bytes = new byte[65536];
    random.nextBytes(bytes);
    NativeMemory.copy(bytes, 0, memory, bytes.length);
    for (int i = 0; i < 200; i++) {
      int start = random.nextInt(100);
      int length = random.nextInt(65536 - start);
      CRC32C expected = new CRC32C();
      expected.update(bytes, start, length);
      crc.reset();
      int cut = random.nextInt(length + 1);
      crc.update(memory + start, cut);
      crc.update(memory + start + cut, length - cut);
      assertEquals((int) expected.getValue(), crc.value());
      assertEquals((int) expected.getValue(), crc.of(memory + start, length));
    }
  }
}
