package io.diskengine.engine.sim;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One entry in the history of a simulated file. */
public sealed interface FileChange {
  /** A durable one is on the medium at once; others with a {@link Flush}, or perhaps earlier. */
  record Write(long offsetBytes, byte[] bytes, boolean durable) implements FileChange {}

  record Zero(long offsetBytes, long lengthBytes) implements FileChange {}

  record Resize(long lengthBytes) implements FileChange {}

  /** Puts on the medium what came before entry {@code before} of the history. */
  record Flush(long before) implements FileChange {}

  /** This change without the range, in up to two pieces. */
  default List<FileChange> without(long from, long to) {
    return switch (this) {
      case Write(long offset, byte[] bytes, boolean durable)
          when offset < to && from < offset + bytes.length -> {
        int head = (int) Math.max(0, from - offset);
        int tail = (int) Math.min(bytes.length, to - offset);
        yield pieces(
            head == 0 ? null : new Write(offset, Arrays.copyOf(bytes, head), durable),
            tail == bytes.length
                ? null
                : new Write(offset + tail, Arrays.copyOfRange(bytes, tail, bytes.length), durable));
      }
      case Zero(long offset, long length) when offset < to && from < offset + length ->
          pieces(
              from <= offset ? null : new Zero(offset, from - offset),
              to >= offset + length ? null : new Zero(to, offset + length - to));
      case Write _, Zero _, Resize _, Flush _ -> List.of(this);
    };
  }

  private static List<FileChange> pieces(@Nullable FileChange head, @Nullable FileChange tail) {
    if (head == null) {
      return tail == null ? List.of() : List.of(tail);
    }
    return tail == null ? List.of(head) : List.of(head, tail);
  }
}
