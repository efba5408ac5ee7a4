package io.diskengine.spdkrpc;

import java.util.Arrays;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A decoder that keeps the last reply as it came, and what it decoded to: a reply with the same
 * bytes is the same value, without being parsed. For questions that are asked again and again and
 * seldom answered otherwise; values must not be changed by who gets them. Thread safe.
 */
final class RememberedReply<T> implements Function<JsonNode, T> {
  /** Longer replies are not kept. */
  static final int MOST_BYTES = 4 << 20;

  private final Function<JsonNode, T> decoder;
  private volatile @Nullable Known<T> known;

  /** The reply from its result to its end. */
  private record Known<T>(byte[] bytes, T value) {}

  RememberedReply(Function<JsonNode, T> decoder) {
    this.decoder = decoder;
  }

  @Override
  public T apply(JsonNode result) {
    return decoder.apply(result);
  }

  /**
   * The last reply has come again.
   *
   * @param lengthBytes of the whole message
   * @param complete all of it is there; otherwise what is there is the same
   */
  record Match<T>(T value, int lengthBytes, boolean complete) {}

  /** The last reply, when the bytes from {@code start} to {@code end} are it or begin it. */
  @Nullable Match<T> match(byte[] bytes, int start, int end, RpcCodec.Head head) {
    Known<T> last = known;
    if (last == null) {
      return null;
    }
    int length = last.bytes.length;
    int there = Math.min(length, end - head.resultAt());
    boolean same =
        Arrays.equals(bytes, head.resultAt(), head.resultAt() + there, last.bytes, 0, there);
    return same ? new Match<>(last.value, head.resultAt() + length - start, there == length) : null;
  }

  /** The reply was decoded to the value. Kept only when its result is the last thing in it. */
  void remember(byte[] reply, RpcCodec.Head head, T value) {
    byte[] rest = Arrays.copyOfRange(reply, head.resultAt(), reply.length);
    if (rest.length <= MOST_BYTES && JsonSplitter.isValueAndBrace(rest)) {
      known = new Known<>(rest, value);
    }
  }
}
