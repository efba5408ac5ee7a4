package io.diskengine.engine.rpc;

import io.diskengine.spdkrpc.IncomingRequest;
import io.diskengine.spdkrpc.RpcCodec;
import java.util.Collection;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The answer to one request of one session. */
final class RpcAnswer implements RpcReply {
  /** More elements than this, unless they were written before, are written on another thread. */
  private static final int LONG_LIST = 64;

  private static final Logger LOG = LoggerFactory.getLogger(RpcAnswer.class);

  private final RpcSession session;
  private final String idJson;
  private final @Nullable RpcBatch batch;
  private final AtomicBoolean given = new AtomicBoolean();
  private @Nullable Object result;
  private @Nullable RpcFailure failure;

  RpcAnswer(RpcSession session, String idJson, @Nullable RpcBatch batch) {
    this.session = session;
    this.idJson = idJson;
    this.batch = batch;
  }

  @Override
  public void ok(Object value) {
    give(value, null);
  }

  @Override
  public void fail(RpcFailure error) {
    give(null, error);
  }

  @Override
  public Object client() {
    return session;
  }

  @Override
  public Runnable onDisconnect(Runnable body) {
    return session.onDisconnect(body);
  }

  private void give(@Nullable Object value, @Nullable RpcFailure error) {
    if (!given.compareAndSet(false, true)) {
      LOG.error("request {} answered twice", idJson);
      return;
    }
    result = value;
    failure = error;
    if (session.isHome()) {
      session.answer(this);
    } else {
      session.onHome(() -> session.answer(this));
    }
  }

  boolean isLong() {
    return isLong(result);
  }

  private static boolean isLong(@Nullable Object value) {
    return switch (value) {
      case Collection<?> list ->
          list.size() > LONG_LIST && !RpcCodec.isWritten(list.iterator().next());
      case JsonObject object -> object.values().stream().anyMatch(RpcAnswer::isLong);
      case null, default -> false;
    };
  }

  /** Empty for the success of a notification. */
  byte[] encode() {
    if (failure != null) {
      return RpcCodec.error(idJson, failure.code(), String.valueOf(failure.getMessage()));
    }
    if (result == null || idJson.equals(IncomingRequest.NULL_ID)) {
      return new byte[0];
    }
    try {
      return RpcCodec.reply(idJson, result);
    } catch (RuntimeException bug) {
      LOG.error("an answer cannot be written", bug);
      return RpcCodec.error(idJson, RpcFailure.INTERNAL_ERROR, "Internal error: " + bug);
    }
  }

  /** What can be sent now that this answer is there. */
  byte[] inBatch(byte[] bytes) {
    return batch == null ? bytes : batch.add(bytes);
  }
}
