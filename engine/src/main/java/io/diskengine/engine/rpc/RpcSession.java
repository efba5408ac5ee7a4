package io.diskengine.engine.rpc;

import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Task;
import io.diskengine.engine.reactor.Timer;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import io.diskengine.spdkrpc.IncomingRequest;
import io.diskengine.spdkrpc.JsonSplitter;
import io.diskengine.spdkrpc.MalformedJsonException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One client: its requests in, its answers out. Home reactor. */
final class RpcSession {
  /** Requests of one client that may be unanswered; then it is read no further. */
  static final int MAX_OUTSTANDING = 8192;

  /** Bytes of answers that a client has not taken; then it is read no further. */
  static final int MAX_UNSENT_BYTES = 8 << 20;

  /** Requests that are handled before the reactor turns to the I/O of guests. */
  private static final int REQUESTS_PER_TURN = 16;

  private static final int READ_BYTES = 16 << 10;
  private static final int SEND_BYTES = 64 << 10;
  private static final Logger LOG = LoggerFactory.getLogger(RpcSession.class);

  private final RpcServer server;
  private final Reactor home;
  private final int fd;
  private final Arena memory = Arena.ofConfined();
  private final MemorySegment input = memory.allocate(READ_BYTES, 8);
  private final ByteBuffer inputBytes = input.asByteBuffer();
  private final long output = memory.allocate(SEND_BYTES, 8).address();
  private final long iov = memory.allocate(Iovec.SIZE, 8).address();
  private final JsonSplitter splitter = new JsonSplitter(IncomingRequest.RECEIVE_BUFFER_BYTES);
  private final Queue<Runnable> requests = new ArrayDeque<>();
  private final Queue<byte[]> answers = new ArrayDeque<>();
  private final Set<Runnable> atEnd = new LinkedHashSet<>();
  private final Reactor.ControlOp received = this::received;
  private final Reactor.ControlOp sent = this::sent;
  private final Timer nextTurn = Timer.of(this::handleSome);
  private final Task flush = Task.of(this::flush);
  private boolean receiving;
  private boolean sending;
  private boolean flushing;
  private boolean finishing;
  private boolean ended;

  /** Requests whose answers are not on their way. */
  private int outstanding;

  /** Answers that another thread is writing. */
  private int writing;

  /** Bytes of {@link #answers}, of whose first one {@link #taken} are in {@link #output}. */
  private int unsentBytes;

  private int taken;
  private int sendAt;
  private int sendEnd;

  RpcSession(RpcServer server, int fd) {
    this.server = server;
    this.home = server.home();
    this.fd = fd;
  }

  void start() {
    receive();
  }

  // ---- requests

  private void receive() {
    if (!ended
        && !receiving
        && requests.isEmpty()
        && outstanding < MAX_OUTSTANDING
        && unsentBytes < MAX_UNSENT_BYTES) {
      receiving = true;
      home.recv(fd, input.address(), READ_BYTES, received);
    }
  }

  private void received(int result) {
    receiving = false;
    if (ended) {
      release();
    } else if (result <= 0) {
      end();
    } else {
      splitter.append(inputBytes.clear().limit(result));
      takeRequests();
      handleSome();
    }
  }

  /**
   * All of one read at once: as with SPDK, what is malformed takes with it the answers of the valid
   * requests before it in the same read, although these are executed.
   */
  private void takeRequests() {
    try {
      for (byte[] json = splitter.next(); json != null; json = splitter.next()) {
        take(IncomingRequest.read(json));
      }
    } catch (MalformedJsonException e) {
      LOG.debug("RPC connection ended: {}", e.getMessage());
      end();
    }
  }

  private void take(IncomingRequest.Message message) {
    RpcBatch batch = message.batch() ? new RpcBatch(message.requests().size()) : null;
    for (IncomingRequest request : message.requests()) {
      outstanding++;
      RpcAnswer answer = new RpcAnswer(this, idOf(request), batch);
      requests.add(() -> handle(request, answer));
    }
  }

  private static String idOf(IncomingRequest request) {
    return switch (request) {
      case IncomingRequest.Invalid invalid -> invalid.idJson();
      case IncomingRequest.Call call -> call.idJson();
    };
  }

  private void handleSome() {
    for (int i = 0; i < REQUESTS_PER_TURN && !requests.isEmpty(); i++) {
      requests.remove().run();
    }
    if (requests.isEmpty()) {
      receive();
    } else {
      home.schedule(nextTurn, 1);
    }
  }

  private void handle(IncomingRequest request, RpcAnswer answer) {
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

  private void handle(RpcRegistry.Method method, IncomingRequest.Call call, RpcAnswer answer) {
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

  // ---- answers

  /** Writes the answer, a long one on another thread, and sends it. */
  void answer(RpcAnswer answer) {
    if (ended) {
      return;
    }
    if (answer.isLong()) {
      writing++;
      server
          .writer()
          .execute(() -> {
            byte[] bytes = answer.encode();
            onHome(() -> {
              writing--;
              queue(answer.inBatch(bytes));
            });
          });
    } else {
      queue(answer.inBatch(answer.encode()));
    }
  }

  /** From a thread that is no reactor: the answer must not be lost when the reactor has no room. */
  void onHome(Runnable body) {
    while (!home.execute(body)) {
      Thread.yield();
    }
  }

  boolean isHome() {
    return home.isCurrent();
  }

  /**
   * Each request ends here once; nothing is sent for a notification, or a batch's first answers.
   */
  private void queue(byte[] bytes) {
    if (bytes.length == 0) {
      outstanding--;
      receive();
      endIfFinished();
    } else if (!ended) {
      answers.add(bytes);
      unsentBytes += bytes.length;
      if (!sending && !flushing) {
        flushing = true;
        home.defer(flush);
      }
    }
  }

  /** Everything that came within one turn, or while the last was sent, goes out together. */
  private void flush() {
    flushing = false;
    if (ended || sending) {
      return;
    }
    if (sendAt == sendEnd) {
      fill();
    }
    if (sendAt < sendEnd) {
      sending = true;
      Iovec.set(iov, 0, output + sendAt, sendEnd - sendAt);
      home.sendv(fd, iov, 1, sent);
    }
  }

  private void fill() {
    sendAt = 0;
    sendEnd = 0;
    while (sendEnd < SEND_BYTES && !answers.isEmpty()) {
      byte[] first = answers.element();
      int count = Math.min(first.length - taken, SEND_BYTES - sendEnd);
      NativeMemory.copy(first, taken, output + sendEnd, count);
      sendEnd += count;
      taken += count;
      unsentBytes -= count;
      if (taken == first.length) {
        answers.remove();
        taken = 0;
        outstanding--;
      }
    }
  }

  private void sent(int result) {
    sending = false;
    if (ended) {
      release();
    } else if (result <= 0) {
      end();
    } else {
      sendAt += result;
      flush();
      receive();
      endIfFinished();
    }
  }

  // ---- the end

  Runnable onDisconnect(Runnable body) {
    if (ended) {
      home.defer(Task.of(body));
    } else {
      atEnd.add(body);
    }
    return () -> atEnd.remove(body);
  }

  /** Ends the connection as soon as the answers that were given are sent. */
  void finish() {
    finishing = true;
    endIfFinished();
  }

  private void endIfFinished() {
    if (finishing && writing == 0 && !sending && !flushing && answers.isEmpty()) {
      end();
    }
  }

  /** Ends the connection; answers that are still to come go nowhere. */
  void end() {
    if (ended) {
      return;
    }
    ended = true;
    home.kernel().shutdown(fd);
    List<Runnable> bodies = new ArrayList<>(atEnd);
    bodies.forEach(body -> {
      if (atEnd.remove(body)) {
        body.run();
      }
    });
    if (!receiving && !sending) {
      release();
    }
  }

  /** No operation names the descriptor and the memory any more. */
  private void release() {
    if (!receiving && !sending && memory.scope().isAlive()) {
      home.kernel().close(fd);
      memory.close();
      server.gone(this);
    }
  }
}
