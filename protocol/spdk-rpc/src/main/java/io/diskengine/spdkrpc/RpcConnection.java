package io.diskengine.spdkrpc;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * One connection from connect to its end; never reused. Its thread connects, reads and settles.
 * Callers write by themselves, as far as the socket takes it without waiting; the rest follows on
 * the connection's thread. A write that never waits is not ended by an interrupt of its caller,
 * which would close the channel and with it lose the replies of everybody else's mutations.
 *
 * <p>Ends with end of file, an I/O error or a reply that is no JSON; never because of a deadline.
 */
final class RpcConnection {
  private static final int READ_BYTES = 64 * 1024;

  private final SpdkAddress address;
  private final long number;
  private final RpcOptions options;
  private final Events events;
  private final JsonSplitter splitter;
  private final Queue<RpcCall<?>> sendQueue = new ConcurrentLinkedQueue<>();
  private final Map<Long, RpcCall<?>> awaiting = new ConcurrentHashMap<>();
  private final Thread thread;

  /** Held by who writes; nobody waits for it. Guards {@link #beingSent} and {@link #rest}. */
  private final ReentrantLock sending = new ReentrantLock();

  private @Nullable RpcCall<?> beingSent;
  private ByteBuffer rest = ByteBuffer.allocate(0);
  private volatile boolean blocked;
  private volatile RpcRuntime.@Nullable Link link;
  private volatile boolean connected;
  private volatile @Nullable String lastUnmatched;
  private volatile @Nullable String endReason;

  /** What the client wants to know. */
  interface Events {
    void connected(RpcConnection connection);

    /** Before the calls of the connection are settled. */
    void ended(RpcConnection connection, boolean wasConnected, String reason);

    void sending(RpcCall<?> call);

    void unmatched(String reply);
  }

  RpcConnection(SpdkAddress address, long number, RpcOptions options, Events events) {
    this.address = address;
    this.number = number;
    this.options = options;
    this.events = events;
    this.splitter = new JsonSplitter(options.maxReplyBytes());
    this.thread = options.runtime().thread("spdk-rpc " + address, this::run);
  }

  void start() {
    thread.start();
  }

  long number() {
    return number;
  }

  boolean isConnected() {
    return connected && endReason == null;
  }

  /** False when the connection has ended: the call was not taken. */
  synchronized boolean enqueue(RpcCall<?> call) {
    return endReason == null && sendQueue.add(call);
  }

  /** Drops a withdrawn call, so that the queue of a hanging connect stays bounded. */
  void forget(RpcCall<?> call) {
    sendQueue.remove(call);
  }

  private void run() {
    try {
      RpcRuntime.Link open = connect();
      if (open != null) {
        flush();
        read(open);
      }
    } catch (RuntimeException | Error e) {
      end("fault in the client: " + e);
      throw e;
    }
  }

  private RpcRuntime.@Nullable Link connect() {
    try {
      RpcRuntime.Link open = options.runtime().link(address);
      link = open;
      if (endReason != null) {
        open.close();
        return null;
      }
      open.connect();
      connected = true;
      events.connected(this);
      return open;
    } catch (IOException | RuntimeException e) {
      end("connect failed: " + text(e) + "; " + address.whatToCheck());
      return null;
    }
  }

  /** Writes what is queued, unless somebody else does. Any thread; never waits. */
  void flush() {
    while (connected && !blocked && !sendQueue.isEmpty() && sending.tryLock()) {
      try {
        writeQueued(Objects.requireNonNull(link));
      } finally {
        sending.unlock();
      }
    }
  }

  /** The socket that took less than all of a request takes bytes again. */
  private void unblocked() {
    sending.lock(); // only for as long as who met the full socket needs to say so
    try {
      blocked = false;
      writeQueued(Objects.requireNonNull(link));
    } finally {
      sending.unlock();
    }
    flush();
  }

  private void writeQueued(RpcRuntime.Link open) {
    while (endReason == null) {
      if (!rest.hasRemaining() && !next(sendQueue.poll())) {
        return;
      }
      int before = rest.position();
      try {
        open.write(rest);
      } catch (IOException e) {
        writeFailed(before, e);
        return;
      }
      if (rest.hasRemaining()) {
        blocked = true;
        return;
      }
    }
  }

  /** Takes the next request whose caller still wants it. */
  private boolean next(@Nullable RpcCall<?> first) {
    for (RpcCall<?> call = first; call != null; call = sendQueue.poll()) {
      if (call.isExpired() && call.withdraw()) {
        call.settleUnavailable("its deadline passed while it was queued");
      } else if (begins(call)) {
        events.sending(call);
        beingSent = call;
        rest = ByteBuffer.wrap(call.bytes());
        return true;
      }
    }
    return false;
  }

  private boolean begins(RpcCall<?> call) {
    String ended;
    synchronized (this) {
      ended = endReason;
      if (ended == null) {
        boolean begins = call.beginSend(number);
        if (begins) {
          awaiting.put(call.id(), call);
        }
        return begins;
      }
    }
    if (call.withdraw()) {
      call.settleUnavailable(ended);
    }
    return false;
  }

  private void writeFailed(int writtenBytes, IOException e) {
    RpcCall<?> call = beingSent;
    if (writtenBytes == 0 && call != null && awaiting.remove(call.id()) != null) {
      call.unsend();
      call.settleUnavailable("the connection is gone: " + text(e));
    }
    end("write failed: " + text(e));
  }

  private void read(RpcRuntime.Link open) {
    ByteBuffer bytes = ByteBuffer.allocateDirect(READ_BYTES);
    try {
      while (open.read(bytes.clear(), this::unblocked) >= 0) {
        splitter.append(bytes.flip());
        for (byte[] value = next(); value != null; value = next()) {
          // A message whose head came in pieces was looked through before it could be recognised.
          boolean settled =
              value == JsonSplitter.RECOGNISED || settleRemembered(value, 0, value.length) > 0;
          if (!settled) {
            dispatch(RpcCodec.parse(value), value);
          }
        }
      }
      int cut = splitter.pendingBytes();
      end(
          cut == 0
              ? "the data plane closed the connection; did it stop, or was a request malformed?"
              : "the data plane closed the connection after " + cut + " bytes of a reply");
    } catch (ClosedChannelException e) {
      end("closed");
    } catch (IOException e) {
      end("read failed: " + text(e));
    } catch (MalformedJsonException e) {
      end("the reply is garbage: " + e.getMessage() + "; is this SPDK's JSON-RPC socket?");
    }
  }

  private byte @Nullable [] next() {
    return splitter.next(this::settleRemembered);
  }

  private int settleRemembered(byte[] buffer, int start, int end) {
    RpcCodec.Head head = RpcCodec.head(buffer, start, end);
    RpcCall<?> call = head == null ? null : awaiting.get(head.id());
    if (head == null || call == null) {
      return 0;
    }
    int length = call.settleRemembered(buffer, start, end, head);
    if (length > 0) {
      awaiting.remove(head.id());
    }
    return length;
  }

  private void dispatch(JsonNode message, byte @Nullable [] raw) {
    if (message.isArray()) {
      message.forEach(part -> dispatch(part, null));
      return;
    }
    RpcCodec.Reply reply = RpcCodec.reply(message);
    RpcCall<?> call =
        reply.id().isIntegralNumber() && reply.id().canConvertToLong()
            ? awaiting.remove(reply.id().asLong())
            : null;
    if (call != null) {
      call.settle(reply, raw);
      return;
    }
    String text = JsonSplitter.printable(message.toString().getBytes(StandardCharsets.UTF_8));
    lastUnmatched = text;
    events.unmatched(text);
  }

  /** Ends the connection once; settles what was sent as indeterminate, the rest as unavailable. */
  void end(String reason) {
    List<RpcCall<?>> queued = new ArrayList<>();
    List<RpcCall<?>> sent;
    String told =
        lastUnmatched == null ? reason : reason + " (last reply to no call: " + lastUnmatched + ")";
    synchronized (this) {
      if (endReason != null) {
        return;
      }
      endReason = told;
      for (RpcCall<?> call = sendQueue.poll(); call != null; call = sendQueue.poll()) {
        queued.add(call);
      }
      sent = List.copyOf(awaiting.values());
    }
    events.ended(this, connected, told);
    close();
    for (RpcCall<?> call : queued) {
      if (call.withdraw()) {
        call.settleUnavailable(told);
      }
    }
    for (RpcCall<?> call : sent) {
      if (awaiting.remove(call.id()) != null) {
        call.settleIndeterminate(told);
      }
    }
  }

  private void close() {
    RpcRuntime.Link open = link;
    if (open != null) {
      try {
        open.close();
      } catch (IOException e) {
        // nothing is owed to a connection that has ended
      }
    }
  }

  private static String text(Exception e) {
    String message = e.getMessage();
    return message == null ? e.getClass().getSimpleName() : message;
  }
}
