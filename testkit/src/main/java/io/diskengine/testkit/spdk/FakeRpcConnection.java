package io.diskengine.testkit.spdk;

import io.diskengine.spdkrpc.IncomingRequest;
import io.diskengine.spdkrpc.JsonSplitter;
import io.diskengine.spdkrpc.MalformedJsonException;
import io.diskengine.spdkrpc.RpcCodec;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The data plane's end of one RPC connection. What was received is executed, also when nobody waits
 * for the answer any more.
 */
public final class FakeRpcConnection {
  private static final String INVALID = "Invalid request";
  private static final int INVALID_REQUEST = -32600;

  /** The other end, and who may interfere. */
  public interface Peer {
    void send(byte[] bytes);

    /** The data plane closes the connection. */
    void close();

    /**
     * A call is to be executed.
     *
     * @param execute does it; may be done later or never
     */
    default void received(String method, String params, Runnable execute) {
      execute.run();
    }

    /**
     * A call was executed.
     *
     * @param ok whether its answer is a result
     * @param reply sends the answer; may be done later or never
     */
    default void executed(String method, String params, boolean ok, Runnable reply) {
      reply.run();
    }
  }

  private final FakeSpdk spdk;
  private final Peer peer;
  private final JsonSplitter splitter = new JsonSplitter(IncomingRequest.RECEIVE_BUFFER_BYTES - 1);
  private final Runnable onDeath = this::died;
  private boolean closed;

  public FakeRpcConnection(FakeSpdk spdk, Peer peer) {
    this.spdk = spdk;
    this.peer = peer;
    spdk.onDeath(onDeath);
  }

  /** The process ends, and its connections with it. */
  void died() {
    if (!closed) {
      closed = true;
      peer.close();
    }
  }

  /** The other end has closed; what it sent before is executed all the same. */
  public void peerClosed() {
    if (!closed) {
      closed = true;
      spdk.forgetDeath(onDeath);
    }
  }

  /** Bytes have arrived. Nothing of a piece that holds garbage is executed. */
  public void received(ByteBuffer bytes) {
    List<IncomingRequest.Message> messages = new ArrayList<>();
    try {
      splitter.append(bytes);
      for (byte[] value = splitter.next(); value != null; value = splitter.next()) {
        messages.add(IncomingRequest.read(value));
      }
    } catch (MalformedJsonException e) {
      died();
      return;
    }
    messages.forEach(this::execute);
  }

  private void execute(IncomingRequest.Message message) {
    Answers answers = new Answers(message.batch(), message.requests().size());
    for (IncomingRequest request : message.requests()) {
      switch (request) {
        case IncomingRequest.Invalid(String id) ->
            answers.add(RpcCodec.error(id, INVALID_REQUEST, INVALID));
        case IncomingRequest.Call call -> execute(call, answers);
      }
    }
  }

  private void execute(IncomingRequest.Call call, Answers answers) {
    String params = call.params() == null ? "" : call.params().toString();
    Reply reply =
        new Reply() {
          @Override
          public void ok(Object result) {
            byte[] bytes = call.notification() ? null : RpcCodec.reply(call.idJson(), result);
            if (bytes != null) {
              spdk.replied(call.method(), bytes.length - call.idJson().length());
            }
            peer.executed(call.method(), params, true, () -> answers.add(bytes));
          }

          @Override
          public void error(int code, String message) {
            byte[] bytes = RpcCodec.error(call.idJson(), code, message);
            peer.executed(call.method(), params, false, () -> answers.add(bytes));
          }
        };
    peer.received(call.method(), params, () -> spdk.call(call.method(), call.params(), reply));
  }

  /** The answers of one message: single, or an array in order of completion. */
  private final class Answers {
    private final boolean batch;
    private final List<byte[]> done = new ArrayList<>();
    private int left;

    Answers(boolean batch, int count) {
      this.batch = batch;
      this.left = count;
    }

    void add(byte @Nullable [] bytes) {
      left--;
      if (bytes != null) {
        done.add(bytes);
      }
      if (!batch) {
        done.forEach(FakeRpcConnection.this::send);
      } else if (left == 0 && !done.isEmpty()) {
        var all = new ByteArrayOutputStream();
        for (int i = 0; i < done.size(); i++) {
          all.write(i == 0 ? '[' : ',');
          all.write(done.get(i), 0, done.get(i).length - 1);
        }
        all.writeBytes("]\n".getBytes(StandardCharsets.UTF_8));
        send(all.toByteArray());
      }
    }
  }

  private void send(byte[] bytes) {
    if (!closed) {
      peer.send(bytes);
    }
  }
}
