package io.diskengine.nvme;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Every accessor pair of every structure against the bytes in {@code golden-vectors.txt}. */
class GoldenVectorTest {
  private static final int BUFFER = 4096;

  /** Pairs that share bits although neither contains the other: unions of the specification. */
  private static final Set<String> UNIONS = Set.of("Sgl length/key");

  private record Vector(Pair pair, Object value, byte[] bytes, byte[] mask) {}

  private record Pair(Class<?> type, String field, Method read, Method write) {
    @Override
    public String toString() {
      return type.getSimpleName() + " " + field;
    }

    Object get(long address) {
      return call(read, address);
    }

    void set(long address, Object value) {
      call(write, address, value);
    }

    private static Object call(Method method, Object... arguments) {
      try {
        return method.invoke(null, arguments);
      } catch (ReflectiveOperationException e) {
        throw new AssertionError(method.toString(), e);
      }
    }
  }

  @Test
  void everyAccessorPairHasAGoldenVector() throws Exception {
    Set<String> missing = new TreeSet<>(pairs().keySet());
    vectors().forEach(v -> missing.remove(v.pair.toString()));
    assertEquals(Set.of(), missing);
  }

  @Test
  void settingOneFieldChangesExactlyItsBytes() throws Exception {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment zeros = arena.allocate(BUFFER);
      for (Vector v : vectors()) {
        zeros.fill((byte) 0);
        v.pair.set(zeros.address(), v.value);
        assertBytes(v.bytes, zeros, v.pair);
        assertEquals(v.value, v.pair.get(zeros.address()), v.pair.toString());
      }
    }
  }

  @Test
  void aFieldOwnsItsBitsAndKeepsTheOthers() throws Exception {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment zeros = arena.allocate(BUFFER);
      MemorySegment ones = arena.allocate(BUFFER);
      for (Vector v : vectors()) {
        for (Object value : List.of(v.value, allOnes(v.value), nothing(v.value))) {
          assertBytes(v.mask, ownedBits(v.pair, value, zeros, ones), v.pair);
          assertEquals(v.pair.get(zeros.address()), v.pair.get(ones.address()), v.pair::toString);
        }
      }
    }
  }

  @Test
  void theGreatestValueThatFitsRoundTrips() throws Exception {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(BUFFER);
      for (Vector v : vectors()) {
        v.pair.set(memory.address(), allOnes(v.value));
        Object greatest = v.pair.get(memory.address());
        memory.fill((byte) 0);
        v.pair.set(memory.address(), greatest);
        assertEquals(greatest, v.pair.get(memory.address()), v.pair.toString());
      }
    }
  }

  @Test
  void noTwoFieldsOfAStructureOverlapUnlessOneIsPartOfTheOther() throws Exception {
    List<Vector> vectors = vectors();
    List<String> overlaps = new ArrayList<>();
    for (Vector a : vectors) {
      for (Vector b : vectors) {
        if (a.pair.type == b.pair.type && a != b && overlap(a.mask, b.mask)) {
          overlaps.add(a.pair + "/" + b.pair.field);
        }
      }
    }
    overlaps.removeIf(o -> UNIONS.contains(o) || UNIONS.contains(swapped(o)));
    assertEquals(List.of(), overlaps);
  }

  @Test
  void aStructureEndsBehindItsLastField() throws Exception {
    for (Vector v : vectors()) {
      int size = size(v.pair.type);
      if (size > 0 && !v.pair.field.equals("result")) {
        assertEquals(
            0, Arrays.mismatch(tail(v.mask, size), new byte[BUFFER - size]) + 1, v.pair + "");
      }
    }
  }

  private static byte[] tail(byte[] mask, int from) {
    return Arrays.copyOfRange(mask, from, BUFFER);
  }

  private static int size(Class<?> type) throws IllegalAccessException {
    try {
      return type.getField("SIZE").getInt(null);
    } catch (NoSuchFieldException e) {
      return 0;
    }
  }

  private static String swapped(String overlap) {
    return overlap.replaceFirst(" (.*)/(.*)", " $2/$1");
  }

  private static boolean overlap(byte[] a, byte[] b) {
    boolean common = false;
    boolean onlyA = false;
    boolean onlyB = false;
    for (int i = 0; i < BUFFER; i++) {
      common |= (a[i] & b[i]) != 0;
      onlyA |= (a[i] & ~b[i]) != 0;
      onlyB |= (b[i] & ~a[i]) != 0;
    }
    return common && onlyA && onlyB;
  }

  /** Bits that end up the same whatever was there before: those that the field wrote. */
  private static MemorySegment ownedBits(
      Pair pair, Object value, MemorySegment zeros, MemorySegment ones) {
    zeros.fill((byte) 0);
    ones.fill((byte) 0xff);
    pair.set(zeros.address(), value);
    pair.set(ones.address(), value);
    byte[] owned = new byte[BUFFER];
    for (int i = 0; i < BUFFER; i++) {
      owned[i] = (byte) ~(zeros.get(ValueLayout.JAVA_BYTE, i) ^ ones.get(ValueLayout.JAVA_BYTE, i));
    }
    return MemorySegment.ofArray(owned);
  }

  private static void assertBytes(byte[] expected, MemorySegment actual, Pair pair) {
    long at = MemorySegment.ofArray(expected).mismatch(actual);
    assertTrue(at < 0, () -> pair + " differs at offset " + at);
  }

  private static Object allOnes(Object like) {
    return switch (like) {
      case Integer _ -> -1;
      case Long _ -> -1L;
      case Boolean _ -> true;
      case UUID _ -> new UUID(-1, -1);
      default -> "x".repeat(BUFFER);
    };
  }

  private static Object nothing(Object like) {
    return switch (like) {
      case Integer _ -> 0;
      case Long _ -> 0L;
      case Boolean _ -> false;
      case UUID _ -> new UUID(0, 0);
      default -> "";
    };
  }

  /** All methods {@code T field(long)} that have a {@code void field(long, T)}. */
  private static Map<String, Pair> pairs() throws Exception {
    Map<String, Pair> pairs = new TreeMap<>();
    File here = new File(Objects.requireNonNull(Sqe.class.getResource("Sqe.class")).toURI());
    for (String file : Objects.requireNonNull(here.getParentFile().list())) {
      if (!file.endsWith(".class") || file.contains("-")) {
        continue;
      }
      Class<?> type = Class.forName(Sqe.class.getPackageName() + "." + file.replace(".class", ""));
      for (Method read : type.getDeclaredMethods()) {
        if (!Modifier.isPublic(read.getModifiers())
            || !Arrays.equals(read.getParameterTypes(), new Class<?>[] {long.class})) {
          continue;
        }
        try {
          Method write = type.getMethod(read.getName(), long.class, read.getReturnType());
          if (write.getReturnType() == void.class) {
            Pair pair = new Pair(type, read.getName(), read, write);
            pairs.put(pair.toString(), pair);
          }
        } catch (NoSuchMethodException e) {
          continue; // A derived value that cannot be set.
        }
      }
    }
    assertTrue(pairs.size() > 250, () -> "only " + pairs.size() + " accessor pairs found");
    return pairs;
  }

  private static List<Vector> vectors() throws Exception {
    Map<String, Pair> pairs = pairs();
    List<Vector> vectors = new ArrayList<>();
    for (String line : lines()) {
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      String[] words = line.split(" ");
      Pair pair = Objects.requireNonNull(pairs.get(words[0] + " " + words[1]), line);
      Object value = value(words[2], pair.read.getReturnType());
      vectors.add(new Vector(pair, value, bytes(words[3]), bytes(words[4])));
    }
    return vectors;
  }

  private static List<String> lines() throws IOException {
    try (InputStream in = GoldenVectorTest.class.getResourceAsStream("golden-vectors.txt")) {
      byte[] all = Objects.requireNonNull(in).readAllBytes();
      return new String(all, StandardCharsets.UTF_8).lines().toList();
    }
  }

  private static Object value(String text, Class<?> type) {
    if (type == boolean.class) {
      return Boolean.valueOf(text);
    } else if (type == UUID.class) {
      return UUID.fromString(text);
    } else if (type == String.class) {
      return text.replace("\"", "");
    }
    long number = Long.parseUnsignedLong(text.substring(2), 16);
    if (type == long.class) {
      return number;
    }
    return (int) number;
  }

  private static byte[] bytes(String text) {
    byte[] all = new byte[BUFFER];
    int at = Integer.parseInt(text, 0, text.indexOf(':'), 10);
    for (String part : text.substring(text.indexOf(':') + 1).split("\\+")) {
      String[] repeated = part.split("\\*");
      int times = repeated.length == 1 ? 1 : Integer.parseInt(repeated[1]);
      byte[] once = HexFormat.of().parseHex(repeated[0]);
      for (int i = 0; i < times; i++, at += once.length) {
        System.arraycopy(once, 0, all, at, once.length);
      }
    }
    return all;
  }
}
