package io.diskengine.spdkrpc;

import java.util.Optional;
import java.util.function.Function;

/** What is known about a call. Every caller has to look at all four. */
public sealed interface RpcResult<T> {

  /** Executed, with its result. */
  record Ok<T>(T value) implements RpcResult<T> {}

  /**
   * Executed and refused. The same situation has different codes in different methods and releases:
   * look at the object again instead of deciding by code alone.
   */
  record Rejected<T>(int code, String message) implements RpcResult<T> {
    @Override
    public String toString() {
      return "Rejected[" + SpdkError.describe(code, message) + "]";
    }
  }

  /** Surely not executed: no byte of it reached the data plane. */
  record Unavailable<T>(String reason) implements RpcResult<T> {}

  /**
   * Sent, outcome unknown: it may have been executed, or be executed later. Observe again; {@code
   * call} tells when the reply, or the end of the connection, has come.
   */
  record Indeterminate<T>(String reason, RpcCall<?> call) implements RpcResult<T> {
    @Override
    public String toString() {
      return "Indeterminate[" + reason + "]";
    }
  }

  default boolean isOk() {
    return this instanceof Ok;
  }

  /** The result, when executed successfully. */
  default Optional<T> okValue() {
    return this instanceof Ok<T>(T value) ? Optional.ofNullable(value) : Optional.empty();
  }

  /**
   * The result, for callers without any way to go on.
   *
   * @throws SpdkRpcException for the three others, with their text
   */
  default T orElseThrow() {
    return switch (this) {
      case Ok<T>(T value) -> value;
      case Rejected<T> rejected -> throw new SpdkRpcException(rejected);
      case Unavailable<T> unavailable -> throw new SpdkRpcException(unavailable);
      case Indeterminate<T> indeterminate -> throw new SpdkRpcException(indeterminate);
    };
  }

  /** The same outcome with another view of the value. */
  default <R> RpcResult<R> map(Function<? super T, ? extends R> view) {
    return switch (this) {
      case Ok<T>(T value) -> new Ok<>(view.apply(value));
      case Rejected<T>(int code, String message) -> new Rejected<>(code, message);
      case Unavailable<T>(String reason) -> new Unavailable<>(reason);
      case Indeterminate<T>(String reason, RpcCall<?> call) -> new Indeterminate<>(reason, call);
    };
  }
}
