package io.diskengine.spdkrpc;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Finds the ends of top-level JSON values in a byte stream that may be cut anywhere.
 *
 * <p>SPDK's wire has no delimiter between requests, and a newline after a reply that a reader need
 * not rely on: the value itself is the frame. Only strings, escapes and brackets are tracked;
 * whether the value is valid JSON is the parser's business. A top-level number ends where the
 * buffered bytes end, as in SPDK, which answers a lone {@code 5} at once.
 *
 * <p>Bounded: a value longer than {@code maxValueBytes} or nested deeper than {@link #MAX_DEPTH} is
 * a {@link MalformedJsonException}, after which the stream has no frames any more. Not thread safe.
 */
public final class JsonSplitter {
  /** SPDK_JSON_MAX_NESTING_DEPTH in SPDK's lib/json/json_internal.h. */
  public static final int MAX_DEPTH = 64;

  private static final int INITIAL_BYTES = 8192;
  private static final int KEPT_BYTES = 1 << 20;

  private final int maxValueBytes;
  private byte[] buffer = new byte[INITIAL_BYTES];
  private int start;
  private int scan;
  private int end;
  private int depth;
  private boolean inString;
  private boolean escaped;

  /**
   * @param maxValueBytes longest value accepted, in bytes
   */
  public JsonSplitter(int maxValueBytes) {
    if (maxValueBytes <= 0) {
      throw new IllegalArgumentException("maxValueBytes must be positive, not " + maxValueBytes);
    }
    this.maxValueBytes = maxValueBytes;
  }

  /** Knows values by their first bytes. */
  interface Recogniser {
    /**
     * The length of the value at {@code start}, whose bytes up to {@code end} are there; 0 when it
     * is not known, negative when it may be, as far as its bytes are there. A value that is
     * recognised is taken off at once.
     */
    int lengthAt(byte[] buffer, int start, int end);
  }

  /** What {@link #next(Recogniser)} answers for a value that was recognised. */
  static final byte[] RECOGNISED = new byte[0];

  /** Takes all remaining bytes. Call {@link #next} until it returns null before appending more. */
  public void append(ByteBuffer bytes) {
    int count = bytes.remaining();
    if (end + count > buffer.length) {
      makeRoom(count);
    }
    bytes.get(buffer, end, count);
    end += count;
  }

  /**
   * The next complete value, without surrounding white space, or null when more bytes are needed.
   *
   * @throws MalformedJsonException when no JSON value can start here, or it is too long or too deep
   */
  public byte @Nullable [] next() {
    return next((_, _, _) -> 0);
  }

  /**
   * The same, but a value that the recogniser knows is not looked at, and {@link #RECOGNISED} is
   * answered.
   */
  byte @Nullable [] next(Recogniser known) {
    if (scan == start) {
      while (start < end && isSpace(buffer[start])) {
        start++;
      }
      scan = start;
      if (start == end) {
        reset();
        return null;
      }
      int length = known.lengthAt(buffer, start, end);
      if (length != 0) {
        start += Math.max(0, length);
        scan = start;
        return length > 0 ? RECOGNISED : null;
      }
      byte first = buffer[start];
      if (first != '{' && first != '[' && first != '"') {
        return nextScalar(first);
      }
    }
    if (scanToEnd()) {
      return take();
    }
    if (end - start > maxValueBytes) {
      throw new MalformedJsonException("a JSON value is longer than " + maxValueBytes + " bytes");
    }
    return null;
  }

  /** Bytes of an incomplete value that wait for their rest. */
  public int pendingBytes() {
    return end - start;
  }

  /** Whether the bytes are one JSON value, and behind it the end of an object and nothing else. */
  static boolean isValueAndBrace(byte[] bytes) {
    JsonSplitter splitter = new JsonSplitter(bytes.length);
    splitter.buffer = bytes;
    splitter.end = bytes.length;
    return splitter.next() != null
        && splitter.start == bytes.length - 1
        && bytes[splitter.start] == '}';
  }

  /** Looks on from where it stopped; true when a value ends there. Most bytes are in strings. */
  private boolean scanToEnd() {
    byte[] bytes = buffer;
    int last = end;
    int at = scan;
    boolean ended = false;
    while (at < last && !ended) {
      byte b = bytes[at++];
      if (!inString) {
        ended = endsOutsideString(b);
      } else if (escaped) {
        escaped = false;
      } else {
        while (b != '"' && b != '\\' && at < last) {
          b = bytes[at++];
        }
        escaped = b == '\\';
        inString = b != '"';
        ended = !inString && depth == 0;
      }
    }
    scan = at;
    return ended;
  }

  private boolean endsOutsideString(byte b) {
    switch (b) {
      case '"' -> inString = true;
      case '{', '[' -> {
        if (++depth > MAX_DEPTH) {
          throw new MalformedJsonException("JSON is nested deeper than " + MAX_DEPTH + " levels");
        }
      }
      case '}', ']' -> {
        return --depth == 0;
      }
      default -> {}
    }
    return false;
  }

  private byte @Nullable [] nextScalar(byte first) {
    int literalLength =
        switch (first) {
          case 't', 'n' -> 4;
          case 'f' -> 5;
          default -> 0;
        };
    if (literalLength > 0) {
      if (end - start < literalLength) {
        requireLiteralPrefix();
        return null;
      }
      requireLiteralPrefix();
      scan = start + literalLength;
      return take();
    }
    if (first != '-' && (first < '0' || first > '9')) {
      throw new MalformedJsonException(
          "no JSON value starts with byte 0x%02x (%s)"
              .formatted(first & 0xff, printable(Arrays.copyOfRange(buffer, start, end))));
    }
    while (scan < end && isNumberByte(buffer[scan])) {
      scan++;
    }
    return take();
  }

  private void requireLiteralPrefix() {
    String literal = buffer[start] == 't' ? "true" : buffer[start] == 'f' ? "false" : "null";
    for (int i = 0; i < literal.length() && start + i < end; i++) {
      if (buffer[start + i] != literal.charAt(i)) {
        throw new MalformedJsonException(
            "not JSON: " + printable(Arrays.copyOfRange(buffer, start, end)));
      }
    }
  }

  private byte[] take() {
    if (scan - start > maxValueBytes) {
      throw new MalformedJsonException("a JSON value is longer than " + maxValueBytes + " bytes");
    }
    byte[] value = Arrays.copyOfRange(buffer, start, scan);
    start = scan;
    return value;
  }

  private void makeRoom(int count) {
    int pending = end - start;
    byte[] target = buffer;
    if (pending + count > buffer.length) {
      target = new byte[Math.max(pending + count, buffer.length * 2)];
    }
    System.arraycopy(buffer, start, target, 0, pending);
    buffer = target;
    scan -= start;
    start = 0;
    end = pending;
  }

  private void reset() {
    start = 0;
    scan = 0;
    end = 0;
    if (buffer.length > KEPT_BYTES) {
      buffer = new byte[INITIAL_BYTES];
    }
  }

  static String printable(byte[] bytes) {
    var text = new StringBuilder("\"");
    for (int i = 0; i < Math.min(bytes.length, 40); i++) {
      text.append(bytes[i] >= 0x20 && bytes[i] < 0x7f ? (char) bytes[i] : '.');
    }
    return text.append(bytes.length > 40 ? "...\"" : "\"").toString();
  }

  private static boolean isSpace(byte b) {
    return b == ' ' || b == '\n' || b == '\r' || b == '\t';
  }

  private static boolean isNumberByte(byte b) {
    return (b >= '0' && b <= '9') || b == '-' || b == '+' || b == '.' || b == 'e' || b == 'E';
  }
}
