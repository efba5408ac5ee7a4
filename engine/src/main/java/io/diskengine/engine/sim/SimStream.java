package io.diskengine.engine.sim;

import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.linux.FileCalls;
import io.diskengine.nvme.NativeMemory;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * One end of a simulated TCP connection. Bytes travel in order, in segments of arbitrary size,
 * after a latency; a partition holds them back (TCP would send them again), a full window stops the
 * sender. The window covers what is under way and what the receiver has not read.
 */
final class SimStream extends SimDescriptor {
  private static final long CONNECT_RETRY_NS = 1_000_000_000L;
  private static final long CONNECT_TIMEOUT_NS = 127_000_000_000L; // tcp_syn_retries = 6
  private static final int LARGEST_SEGMENT = 65_536;

  /** Bytes under way; no bytes are the end of the stream. */
  private record Segment(byte[] bytes, long dueNs) {}

  private final SimHost host;
  private final SimWorld world;
  private final InetSocketAddress local;
  private @Nullable InetSocketAddress remote;
  private @Nullable SimStream peer;
  private @Nullable SimOp connecting;
  private long ackTimeoutNs;

  private final Deque<Segment> underWay = new ArrayDeque<>();
  private int bytesUnderWay;
  private long lastDueNs;

  private final Deque<byte[]> received = new ArrayDeque<>();
  private int receivedBytes;
  private boolean peerEnded;
  private boolean shut;
  private boolean closed;
  private int error;

  private final Deque<SimOp> recvs = new ArrayDeque<>();
  private final Deque<SimOp> sends = new ArrayDeque<>();
  private final Deque<SimOp> polls = new ArrayDeque<>();

  SimStream(SimHost host, InetSocketAddress local) {
    this.host = host;
    this.world = host.world();
    this.local = local;
  }

  InetSocketAddress local() {
    return local;
  }

  InetSocketAddress remote() {
    if (remote == null) {
      throw new IllegalArgumentException("not connected: " + local);
    }
    return remote;
  }

  SimHost host() {
    return host;
  }

  /** TCP_USER_TIMEOUT: how long sent bytes may stay unacknowledged; 0 for ever. */
  void ackTimeoutMs(int milliseconds) {
    ackTimeoutNs = milliseconds * 1_000_000L;
  }

  // ---- connect

  void connect(SimOp op, InetSocketAddress to) {
    connecting = op;
    long timeoutNs = ackTimeoutNs > 0 ? ackTimeoutNs : CONNECT_TIMEOUT_NS;
    long giveUpNs = world.nowNs() + timeoutNs;
    world.after(world.networkLatencyNs(), () -> knock(op, to, giveUpNs));
  }

  private void knock(SimOp op, InetSocketAddress to, long giveUpNs) {
    if (connecting != op) {
      return;
    }
    if (world.nowNs() >= giveUpNs) {
      decided(op, -Errno.ETIMEDOUT);
      return;
    }
    SimListener listener = world.listener(to);
    SimHost there = world.hostOf(to);
    boolean silent = there != null && (!world.reachable(host, there) || !there.powered);
    if (silent || (listener != null && !listener.hasRoom())) {
      world.after(CONNECT_RETRY_NS, () -> knock(op, to, giveUpNs));
    } else if (listener == null) {
      world.after(world.networkLatencyNs(), () -> decided(op, -Errno.ECONNREFUSED));
    } else {
      SimStream server = new SimStream(listener.host(), to);
      server.remote = local;
      server.peer = this;
      remote = to;
      peer = server;
      world.opened(this, server);
      listener.arrive(server);
      world.after(world.networkLatencyNs(), () -> decided(op, 0));
    }
  }

  private void decided(SimOp op, int result) {
    if (connecting == op) {
      connecting = null;
      op.finish(error != 0 ? error : result);
    }
  }

  // ---- sending

  void send(SimOp op) {
    sends.add(op);
    serveSends();
  }

  private void serveSends() {
    while (!sends.isEmpty()) {
      int result = sendable(sends.element());
      if (result == 0) {
        return;
      }
      SimOp op = sends.remove();
      if (result > 0) {
        transmit(op.gather(result));
      }
      op.finish(result);
    }
  }

  /** How many bytes go now, 0 when none do, or why never. */
  private int sendable(SimOp op) {
    if (error != 0) {
      return error;
    }
    if (shut) {
      return -Errno.EPIPE;
    }
    SimStream to = peer;
    if (to == null) {
      return -Errno.ENOTCONN;
    }
    int room = world.sendBufferBytes() - bytesUnderWay - to.receivedBytes;
    int most = Math.min(room, op.lengthBytes());
    return most <= 0 ? 0 : world.sometimesFewer(most);
  }

  private void transmit(byte[] bytes) {
    for (int at = 0; at < bytes.length; ) {
      int size = Math.min(world.segmentBytes(LARGEST_SEGMENT), bytes.length - at);
      put(Arrays.copyOfRange(bytes, at, at + size));
      at += size;
    }
  }

  private void put(byte[] bytes) {
    lastDueNs = Math.max(lastDueNs, world.nowNs() + world.networkLatencyNs());
    Segment segment = new Segment(bytes, lastDueNs);
    underWay.add(segment);
    bytesUnderWay += bytes.length;
    world.at(lastDueNs, this::deliver);
    if (ackTimeoutNs > 0) {
      world.at(
          lastDueNs + ackTimeoutNs,
          () -> {
            if (underWay.contains(segment)) {
              fail(-Errno.ETIMEDOUT);
            }
          });
    }
  }

  /** Hands over what is due; called again when a partition heals or a host comes back. */
  void deliver() {
    SimStream to = peer;
    while (to != null && !underWay.isEmpty() && underWay.element().dueNs <= world.nowNs()) {
      if (!world.reachable(host, to.host) || !to.host.powered || !host.powered) {
        return;
      }
      Segment segment = underWay.remove();
      bytesUnderWay -= segment.bytes.length;
      to.arrive(segment);
    }
  }

  // ---- receiving

  private void arrive(Segment segment) {
    if (closed || error != 0 || (shut && segment.bytes.length > 0)) {
      if (segment.bytes.length > 0 || closed) {
        resetPeer();
      }
      return;
    }
    if (segment.bytes.length == 0) {
      peerEnded = true;
    } else {
      received.add(segment.bytes);
      receivedBytes += segment.bytes.length;
    }
    serveReceivers();
  }

  void recv(SimOp op) {
    recvs.add(op);
    serveReceivers();
  }

  private void serveReceivers() {
    while (!recvs.isEmpty() && (receivedBytes > 0 || peerEnded || shut || error != 0)) {
      SimOp op = recvs.remove();
      op.finish(receivedBytes > 0 ? take(op) : error);
    }
    polls.removeIf(op -> {
      int bits = ready() & (op.lengthBytes() | FileCalls.POLLERR | FileCalls.POLLHUP);
      if (bits != 0) {
        op.finish(bits);
      }
      return bits != 0;
    });
  }

  private int take(SimOp op) {
    int count = world.sometimesFewer(Math.min(op.lengthBytes(), receivedBytes));
    for (int done = 0; done < count; ) {
      byte[] first = received.remove();
      int part = Math.min(first.length, count - done);
      NativeMemory.copy(first, 0, op.address() + done, part);
      if (part < first.length) {
        received.addFirst(Arrays.copyOfRange(first, part, first.length));
      }
      done += part;
    }
    receivedBytes -= count;
    SimStream from = peer;
    if (from != null) {
      world.after(world.networkLatencyNs(), from::serveSends);
    }
    return count;
  }

  void poll(SimOp op) {
    polls.add(op);
    serveReceivers();
  }

  private int ready() {
    boolean readable = receivedBytes > 0 || peerEnded || shut || error != 0;
    SimStream to = peer;
    boolean writable = to != null && world.sendBufferBytes() > bytesUnderWay + to.receivedBytes;
    return (readable ? FileCalls.POLLIN : 0)
        | (writable ? FileCalls.POLLOUT : 0)
        | (error != 0 ? FileCalls.POLLERR : 0)
        | (shut && peerEnded ? FileCalls.POLLHUP : 0);
  }

  // ---- ends

  int shutdown() {
    if (!shut) {
      shut = true;
      if (peer != null && error == 0) {
        put(new byte[0]);
      }
      serveSends();
      serveReceivers();
      SimOp op = connecting;
      if (op != null) {
        decided(op, -Errno.ECONNRESET);
      }
    }
    return 0;
  }

  /** The connection broke: what waits and what comes later gets {@code errno}. */
  void fail(int errno) {
    if (error == 0 && !closed) {
      error = errno;
      underWay.clear();
      bytesUnderWay = 0;
      serveSends();
      serveReceivers();
    }
  }

  private void resetPeer() {
    SimStream to = peer;
    if (to != null) {
      world.whenReachable(host, to.host, () -> to.fail(-Errno.ECONNRESET));
    }
  }

  @Override
  boolean withdraw(SimOp op) {
    if (connecting == op) {
      connecting = null;
      return true;
    }
    return recvs.remove(op) || sends.remove(op) || polls.remove(op);
  }

  /** Unread bytes make the end a reset, as TCP does it; a host without power says nothing. */
  @Override
  void closed() {
    if (closed) {
      return;
    }
    if (!host.powered) {
      underWay.clear();
    } else if (receivedBytes > 0 && error == 0) {
      resetPeer();
    } else if (!shut && peer != null && error == 0) {
      put(new byte[0]);
    }
    closed = true;
  }

  boolean connects(int lowHost, int highHost) {
    if (peer == null) {
      return false;
    }
    int mine = host.index();
    int other = peer.host.index();
    return Math.min(mine, other) == lowHost && Math.max(mine, other) == highHost;
  }

  boolean finished() {
    return closed && underWay.isEmpty();
  }
}
