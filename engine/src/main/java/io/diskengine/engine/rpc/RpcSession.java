package io.diskengine.engine.rpc;

import io.diskengine.spdkrpc.IncomingRequest;
import io.diskengine.spdkrpc.JsonSplitter;
import io.diskengine.spdkrpc.MalformedJsonException;
import io.diskengine.spdkrpc.RpcCodec;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One client: a reader that dispatches requests and a writer that encodes answers. */
final class RpcSession {
  /** Requests of one client that may be unanswered; then it is read no further. */
  static final int MAX_OUTSTANDING = 8192;

  /** More than one read can hold, with what was asked for before. */
  private static final int UNBOUNDED = 1 << 20;

  private static final Logger LOG = LoggerFactory.getLogger(RpcSession.class);

  private final RpcServer server;
  private final SocketChannel channel;
  private final BlockingQueue<Optional<Answer>> answers = new LinkedBlockingQueue<>();
  private final Semaphore outstanding = new Semaphore(MAX_OUTSTANDING);
  private final AtomicInteger unwritten = new AtomicInteger();
  private final AtomicBoolean closed = new AtomicBoolean();
  private final Set<Runnable> atEnd = ConcurrentHashMap.newKeySet();

  RpcSession(RpcServer server, SocketChannel channel) {
    this.server = server;
    this.channel = channel;
  }

  /** Threads of the platform: a request to an idle engine wakes one for each, not a scheduler. */
  void start() {
    Thread.ofPlatform().daemon().name("rpc-reader").start(this::readLoop);
    Thread.ofPlatform().daemon().name("rpc-writer").start(this::writeLoop);
  }

  /** True while answers that were given have not been written. */
  boolean writing() {
    return unwritten.get() > 0;
  }

  /** Ends the connection; answers that are still to come go nowhere. */
  void close() {
    if (closed.compareAndSet(false, true)) {
      answers.add(Optional.empty());
      outstanding.release(UNBOUNDED); // nobody gives permits back any more
      try {
        channel.close();
      } catch (IOException e) {
        LOG.debug("closing an RPC connection failed", e);
      }
      server.ended(this);
      runAtEnd();
    }
  }

  private void runAtEnd() {
    for (Runnable body : atEnd) {
      if (atEnd.remove(body)) {
        server.onHome(body);
      }
    }
  }

  private void readLoop() {
    try {
      ByteBuffer buffer = ByteBuffer.allocate(64 << 10);
      JsonSplitter splitter = new JsonSplitter(IncomingRequest.RECEIVE_BUFFER_BYTES);
      while (channel.read(buffer.clear()) >= 0) {
        splitter.append(buffer.flip());
        acceptAll(splitter);
      }
    } catch (IOException | MalformedJsonException e) {
      LOG.debug("RPC connection ended: {}", e.getMessage());
    } finally {
      close();
    }
  }

  /**
   * All of one read at once: as with SPDK, what is malformed takes with it the answers of the valid
   * requests before it in the same read, although these are executed.
   */
  private void acceptAll(JsonSplitter splitter) {
    List<IncomingRequest.Message> messages = new ArrayList<>();
    try {
      for (byte[] json = splitter.next(); json != null; json = splitter.next()) {
        messages.add(IncomingRequest.read(json));
      }
    } catch (MalformedJsonException e) {
      close();
      messages.forEach(this::accept);
      throw e;
    }
    messages.forEach(this::accept);
  }

  private void accept(IncomingRequest.Message message) {
    Batch batch = message.batch() ? new Batch(message.requests().size()) : null;
    for (IncomingRequest request : message.requests()) {
      outstanding.acquireUninterruptibly();
      Answer answer = new Answer(idOf(request), batch);
      // Even what is wrong is answered there, so that answers given at once keep their order.
      if (!server.onHome(() -> handle(request, answer))) {
        answer.fail(new RpcFailure(RpcFailure.INTERNAL_ERROR, "the engine is too busy; try again"));
      }
    }
  }

  private static String idOf(IncomingRequest request) {
    return switch (request) {
      case IncomingRequest.Invalid invalid -> invalid.idJson();
      case IncomingRequest.Call call -> call.idJson();
    };
  }

  /** On the home reactor. */
  private void handle(IncomingRequest request, Answer answer) {
    switch (request) {
      case IncomingRequest.Invalid _ ->
          answer.fail(new RpcFailure(RpcFailure.INVALID_REQUEST, "Invalid request"));
      case IncomingRequest.Call call -> {
        RpcRegistry.Method method = server.registry().find(call.method());
        if (method == null) {
          answer.fail(new RpcFailure(RpcFailure.METHOD_NOT_FOUND, "Method not found"));
        } else if (!method.takesParams() && call.params() != null) {
          answer.fail(
              new RpcFailure(
                  RpcFailure.INVALID_PARAMS, call.method() + " method requires no parameters"));
        } else {
          handle(method, call, answer);
        }
      }
    }
  }

  /** On the home reactor, where the phase changes too. */
  private void handle(RpcRegistry.Method method, IncomingRequest.Call call, Answer answer) {
    try {
      boolean initialised = server.registry().initialised();
      if (!method.allowed(initialised)) {
        throw new RpcFailure(-1, initialised ? RpcErrors.ONLY_STARTUP : RpcErrors.ONLY_RUNTIME);
      }
      method.handler().handle(new RpcParams(call.params(), method.decodeErrorCode()), answer);
    } catch (RpcFailure failure) {
      answer.fail(failure);
    } catch (RuntimeException bug) {
      LOG.error("method {} failed", method.name(), bug);
      answer.fail(new RpcFailure(RpcFailure.INTERNAL_ERROR, "Internal error: " + bug));
    }
  }

  private void writeLoop() {
    try {
      while (answers.take().orElse(null) instanceof Answer answer) {
        byte[] bytes = answer.encode();
        outstanding.release();
        ByteBuffer out = answer.batch == null ? ByteBuffer.wrap(bytes) : answer.batch.add(bytes);
        while (out.hasRemaining()) {
          channel.write(out);
        }
        unwritten.decrementAndGet();
      }
    } catch (IOException e) {
      LOG.debug("RPC client is gone: {}", e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      close();
    }
  }

  /** The answers of one JSON-RPC batch, which go out together. Writer thread only. */
  private static final class Batch {
    private final List<byte[]> done = new ArrayList<>();
    private int missing;

    Batch(int size) {
      missing = size;
    }

    /** What can be written now: nothing, or with the last answer the whole array. */
    ByteBuffer add(byte[] answer) {
      if (answer.length > 0) {
        done.add(answer);
      }
      if (--missing > 0 || done.isEmpty()) {
        return ByteBuffer.allocate(0);
      }
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      for (byte[] element : done) {
        out.write(out.size() == 0 ? '[' : ',');
        out.write(element, 0, element.length - 1);
      }
      out.write(']');
      out.write('\n');
      return ByteBuffer.wrap(out.toByteArray());
    }
  }

  private final class Answer implements RpcReply {
    private final String idJson;
    private final @Nullable Batch batch;
    private final AtomicBoolean given = new AtomicBoolean();
    private @Nullable Object result;
    private @Nullable RpcFailure failure;

    Answer(String idJson, @Nullable Batch batch) {
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
      return RpcSession.this;
    }

    @Override
    public Runnable onDisconnect(Runnable body) {
      atEnd.add(body);
      if (closed.get()) {
        runAtEnd();
      }
      return () -> atEnd.remove(body);
    }

    private void give(@Nullable Object value, @Nullable RpcFailure error) {
      if (!given.compareAndSet(false, true)) {
        LOG.error("request {} answered twice", idJson);
        return;
      }
      result = value;
      failure = error;
      if (!closed.get()) {
        unwritten.incrementAndGet();
        answers.add(Optional.of(this));
      }
    }

    /** Empty for the success of a notification. */
    byte[] encode() {
      if (failure != null) {
        return RpcCodec.error(idJson, failure.code(), String.valueOf(failure.getMessage()));
      }
      return result == null || idJson.equals(IncomingRequest.NULL_ID)
          ? new byte[0]
          : RpcCodec.reply(idJson, result);
    }
  }
}
