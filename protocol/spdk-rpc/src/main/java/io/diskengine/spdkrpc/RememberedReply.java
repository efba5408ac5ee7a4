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

  /** The value of this reply, or null when it is not the last one's. */
  @Nullable T find(byte[] reply, RpcCodec.Head head) {
    Known<T> last = known;
    return last != null
            && Arrays.equals(reply, head.resultAt(), reply.length, last.bytes, 0, last.bytes.length)
        ? last.value
        : null;
  }

  /** The reply was decoded to the value. Kept only when its result is the last thing in it. */
  void remember(byte[] reply, RpcCodec.Head head, T value) {
    byte[] rest = Arrays.copyOfRange(reply, head.resultAt(), reply.length);
    if (rest.length <= MOST_BYTES && JsonSplitter.isValueAndBrace(rest)) {
      known = new Known<>(rest, value);
    }
  }
}
