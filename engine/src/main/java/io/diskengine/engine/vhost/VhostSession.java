package io.diskengine.engine.vhost;

import io.diskengine.engine.bdev.BdevChannel;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.linux.FileCalls;
import io.diskengine.engine.linux.MemoryCalls;
import io.diskengine.engine.linux.SocketCalls;
import io.diskengine.engine.reactor.Poller;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Task;
import io.diskengine.engine.reactor.Timer;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connected frontend (QEMU) of a controller, all on one reactor: its messages, its guest's
 * memory, its queues; made and used there. It ends when the frontend leaves, sends nonsense, or the
 * engine stops; what is in flight then is finished first, so that a following session never meets
 * it.
 */
final class VhostSession implements Poller {
  private static final Logger LOG = LoggerFactory.getLogger(VhostSession.class);

  private static final long DETACH_RECHECK_NS = 1_000_000;

  /** u64 size, u64 offset, u16 queues, u16 queue size; QEMU pads it to 24 and wants that back. */
  private static final int INFLIGHT_BYTES = 20;

  private final VhostController controller;
  private final Reactor reactor;
  private final Arena arena = Arena.ofConfined();
  private final VhostSocket socket;
  private final long eventOne = arena.allocate(16, 8).address();
  private final long config = arena.allocate(256, 8).address();
  private final VirtQueue[] queues = new VirtQueue[VirtioBlk.MAX_QUEUES];
  private final @Nullable BdevDesc desc;
  private @Nullable BdevChannel channel;
  private @Nullable GuestMemory memory;
  private @Nullable InflightRegion inflight;
  private long features;
  private long protocolFeatures;
  private int backendFd = -1;
  private int replyTo;
  private boolean replyPending;
  private boolean ending;
  private boolean socketPolled;

  VhostSession(VhostController controller, Reactor reactor, int socket, @Nullable BdevDesc desc) {
    this.controller = controller;
    this.reactor = reactor;
    this.socket = new VhostSocket(socket, arena);
    this.desc = desc;
    NativeMemory.putLong(eventOne, 1);
    for (int i = 0; i < queues.length; i++) {
      queues[i] = new VirtQueue(this, reactor, i, eventOne + 8);
    }
  }

  void start() {
    if (desc != null) {
      channel = desc.openChannel();
    }
    reactor.addPoller(this);
    pollSocket();
  }

  // ---- what the queues ask

  String name() {
    return controller.name();
  }

  @Nullable GuestMemory memory() {
    return memory;
  }

  @Nullable InflightRegion inflight() {
    return inflight;
  }

  boolean eventIdx() {
    return (features & VirtioBlk.F_EVENT_IDX) != 0;
  }

  /** The guest cannot flush: every write has to be on the medium when it ends. */
  boolean writeThrough() {
    return (features & VirtioBlk.F_FLUSH) == 0;
  }

  boolean readOnly() {
    return controller.readOnly();
  }

  int blockSizeBytes() {
    return controller.blockSizeBytes();
  }

  byte[] deviceId() {
    return controller.deviceId();
  }

  boolean deviceUsable() {
    return channel != null && controller.deviceUsable();
  }

  boolean taking() {
    return !ending && !replyPending;
  }

  void submit(BdevIo io) {
    BdevDesc device = desc;
    BdevChannel on = channel;
    if (device == null || on == null) {
      throw new IllegalStateException("submit without a device");
    }
    device.submit(on, io);
  }

  /** Writes an event to a guest's eventfd. */
  void ring(int fd) {
    FileCalls.write(fd, eventOne, 8);
  }

  /** The memory file was cut short under us: the guest is not to be served any more. */
  void memoryGone(InternalError cause) {
    end("guest memory is gone: " + cause.getMessage());
  }

  // ---- polling

  @Override
  public int poll() {
    int work = 0;
    try {
      for (VirtQueue queue : queues) {
        work += queue.poll();
      }
    } catch (InternalError truncated) {
      memoryGone(truncated);
    }
    return work;
  }

  @Override
  public boolean prepareToSleep() {
    boolean quiet = true;
    try {
      for (VirtQueue queue : queues) {
        quiet &= queue.prepareToSleep();
      }
    } catch (InternalError truncated) {
      memoryGone(truncated);
    }
    return quiet;
  }

  @Override
  public void awake() {
    try {
      for (VirtQueue queue : queues) {
        queue.awake();
      }
    } catch (InternalError truncated) {
      memoryGone(truncated);
    }
  }

  // ---- messages

  private void pollSocket() {
    if (!socketPolled) {
      socketPolled = true;
      reactor.pollFd(socket.fd(), FileCalls.POLLIN | FileCalls.POLLRDHUP, this::socketReady);
    }
  }

  private void socketReady(int result) {
    socketPolled = false;
    if (ending) {
      finishEnding();
      return;
    }
    while (!replyPending && !ending && readMessage()) {
      socket.done();
    }
    if (!replyPending && !ending) {
      pollSocket();
    }
  }

  /** True when a whole message was read and handled. */
  private boolean readMessage() {
    return switch (socket.receive()) {
      case MESSAGE -> {
        handle();
        yield true;
      }
      case NOT_YET -> false;
      case FAILED -> {
        end(socket.failure());
        yield false;
      }
    };
  }

  private void handle() {
    int request = socket.request();
    int flags = socket.flags();
    if ((flags & VhostMessage.VERSION_MASK) != VhostMessage.VERSION) {
      end("protocol version " + (flags & VhostMessage.VERSION_MASK));
      return;
    }
    replyTo = request;
    boolean ok = dispatch(request, socket.payload(), socket.payloadBytes());
    socket.closeDescriptors();
    if (!ok) {
      end("request " + request + " cannot be right");
    } else if ((flags & VhostMessage.FLAG_NEED_REPLY) != 0
        && (protocolFeatures & VhostMessage.PROTOCOL_REPLY_ACK) != 0
        && !hasReply(request)) {
      replyU64(0);
    }
  }

  private static boolean hasReply(int request) {
    return switch (request) {
      case VhostMessage.GET_FEATURES,
          VhostMessage.GET_PROTOCOL_FEATURES,
          VhostMessage.GET_QUEUE_NUM,
          VhostMessage.GET_VRING_BASE,
          VhostMessage.GET_CONFIG,
          VhostMessage.GET_INFLIGHT_FD ->
          true;
      default -> false;
    };
  }

  /** Handles one request; false when its content cannot be right. */
  private boolean dispatch(int request, long payload, int bytes) {
    switch (request) {
      case VhostMessage.GET_FEATURES -> replyU64(controller.features());
      case VhostMessage.GET_PROTOCOL_FEATURES -> replyU64(VhostMessage.PROTOCOL_FEATURES);
      case VhostMessage.GET_QUEUE_NUM -> replyU64(VirtioBlk.MAX_QUEUES);
      case VhostMessage.GET_CONFIG -> {
        return getConfig(payload, bytes);
      }
      case VhostMessage.GET_INFLIGHT_FD -> {
        return bytes >= INFLIGHT_BYTES && getInflight(payload, bytes);
      }
      case VhostMessage.GET_VRING_BASE -> {
        return bytes >= 8 && getVringBase(NativeMemory.getInt(payload));
      }
      case VhostMessage.SET_OWNER, VhostMessage.RESET_OWNER, VhostMessage.SET_CONFIG -> {}
      case VhostMessage.SET_FEATURES -> {
        features = NativeMemory.getLong(payload);
        return bytes >= 8 && (features & ~controller.features()) == 0;
      }
      case VhostMessage.SET_PROTOCOL_FEATURES -> {
        protocolFeatures = NativeMemory.getLong(payload);
        return bytes >= 8 && (protocolFeatures & ~VhostMessage.PROTOCOL_FEATURES) == 0;
      }
      case VhostMessage.SET_MEM_TABLE -> {
        return setMemTable(payload, bytes);
      }
      case VhostMessage.SET_INFLIGHT_FD -> {
        return bytes >= INFLIGHT_BYTES && setInflight(payload);
      }
      case VhostMessage.SET_BACKEND_REQ_FD -> {
        closeIfOpen(backendFd);
        backendFd = socket.takeFd();
        return backendFd >= 0;
      }
      default -> {
        return setVring(request, payload, bytes);
      }
    }
    return true;
  }

  private boolean setVring(int request, long payload, int bytes) {
    if (bytes < 8) {
      return false;
    }
    boolean fdMessage =
        request == VhostMessage.SET_VRING_KICK
            || request == VhostMessage.SET_VRING_CALL
            || request == VhostMessage.SET_VRING_ERR;
    int index = NativeMemory.getInt(payload) & (fdMessage ? 0xff : -1);
    if (index < 0 || index >= queues.length) {
      return false;
    }
    VirtQueue queue = queues[index];
    int value = NativeMemory.getInt(payload + 4);
    return switch (request) {
      case VhostMessage.SET_VRING_NUM -> queue.size(value);
      case VhostMessage.SET_VRING_BASE -> queue.base(value);
      case VhostMessage.SET_VRING_ADDR ->
          bytes >= 40
              && queue.addresses(
                  NativeMemory.getLong(payload + 8),
                  NativeMemory.getLong(payload + 16),
                  NativeMemory.getLong(payload + 24));
      case VhostMessage.SET_VRING_ENABLE -> {
        queue.enable(value != 0);
        yield true;
      }
      case VhostMessage.SET_VRING_CALL -> {
        queue.callFd(eventFd(payload));
        yield true;
      }
      case VhostMessage.SET_VRING_ERR -> {
        queue.errFd(eventFd(payload));
        yield true;
      }
      case VhostMessage.SET_VRING_KICK -> {
        queue.kickFd(eventFd(payload));
        if ((features & VirtioBlk.F_PROTOCOL_FEATURES) == 0) {
          queue.enable(true);
        }
        yield queue.start(inflight);
      }
      default -> {
        LOG.atInfo().addKeyValue("controller", name()).log("unknown vhost request {}", request);
        yield false;
      }
    };
  }

  private int eventFd(long payload) {
    return (NativeMemory.getLong(payload) & VhostMessage.VRING_NO_FD) != 0 ? -1 : socket.takeFd();
  }

  private boolean setMemTable(long payload, int bytes) {
    GuestMemory mapped =
        GuestMemory.map(payload, bytes, socket.descriptors(), socket.descriptorCount());
    if (mapped == null) {
      return false;
    }
    GuestMemory old = memory;
    memory = mapped;
    if (old != null) {
      old.retire();
    }
    for (VirtQueue queue : queues) {
      if (!queue.remap()) {
        return false;
      }
    }
    return true;
  }

  private boolean getConfig(long payload, int bytes) {
    int offset = NativeMemory.getInt(payload);
    int size = NativeMemory.getInt(payload + 4);
    if (bytes < 12 || offset < 0 || size < 0 || size > 256 || offset > 256 - size) {
      return false;
    }
    NativeMemory.fill(payload + 12, size, (byte) 0);
    controller.config(config);
    NativeMemory.copy(config + offset, payload + 12, size);
    reply(12 + size);
    return true;
  }

  private boolean getInflight(long payload, int bytes) {
    int queueCount = NativeMemory.getUnsignedShort(payload + 16);
    int queueSize = NativeMemory.getUnsignedShort(payload + 18);
    if (queueCount < 1
        || queueCount > VirtioBlk.MAX_QUEUES
        || queueSize < 1
        || queueSize > VirtioBlk.MAX_QUEUE_SIZE) {
      return false;
    }
    long size = InflightRegion.bytes(queueCount, queueSize);
    int fd = MemoryCalls.memfdCreate("vhost-inflight");
    if (fd < 0 || FileCalls.ftruncate(fd, size) < 0) {
      closeIfOpen(fd);
      return false;
    }
    InflightRegion region = InflightRegion.map(fd, size, size, 0, queueCount, queueSize);
    if (region == null) {
      FileCalls.close(fd);
      return false;
    }
    region.format();
    region.unmap();
    NativeMemory.putLong(payload, size);
    NativeMemory.putLong(payload + 8, 0);
    reply(bytes, fd);
    FileCalls.close(fd);
    return true;
  }

  private boolean setInflight(long payload) {
    if (socket.descriptorCount() < 1) {
      return false;
    }
    int fd = socket.descriptors()[0];
    if (inflight != null) {
      inflight.unmap();
    }
    inflight =
        InflightRegion.map(
            fd,
            FileCalls.sizeBytes(fd),
            NativeMemory.getLong(payload),
            NativeMemory.getLong(payload + 8),
            NativeMemory.getUnsignedShort(payload + 16),
            NativeMemory.getUnsignedShort(payload + 18));
    return inflight != null;
  }

  /** Answers once the queue has nothing in flight; until then no further message is read. */
  private boolean getVringBase(int index) {
    if (index < 0 || index >= queues.length) {
      return false;
    }
    VirtQueue queue = queues[index];
    replyPending = true;
    queue.stop(() -> {
      replyPending = false;
      NativeMemory.putInt(socket.payload(), index);
      NativeMemory.putInt(socket.payload() + 4, queue.release());
      replyTo = VhostMessage.GET_VRING_BASE;
      reply(8);
      socket.done();
      if (!ending) {
        pollSocket();
      }
    });
    return true;
  }

  // ---- replies

  private void replyU64(long value) {
    NativeMemory.putLong(socket.payload(), value);
    reply(8);
  }

  private void reply(int payloadBytes, int... passed) {
    int failed = socket.reply(replyTo, payloadBytes, passed);
    if (failed != 0) {
      end("a reply could not be sent: " + failed);
    }
  }

  /** The device has another size: tell the guest to read the configuration again. */
  void configChanged() {
    if (backendFd >= 0 && !ending) {
      NativeMemory.putInt(config, VhostMessage.BACKEND_CONFIG_CHANGE);
      NativeMemory.putInt(config + VhostMessage.FLAGS, VhostMessage.VERSION);
      NativeMemory.putInt(config + VhostMessage.SIZE, 0);
      SocketCalls.send(
          backendFd,
          config,
          VhostMessage.HEADER_BYTES,
          SocketCalls.MSG_DONTWAIT | SocketCalls.MSG_NOSIGNAL);
    }
  }

  // ---- the end

  /** Takes no more requests, finishes those in flight, then closes. Any time, more than once. */
  void end(String reason) {
    if (ending) {
      return;
    }
    ending = true;
    LOG.atInfo()
        .addKeyValue("controller", name())
        .addKeyValue("reason", reason)
        .log("vhost session ends");
    drainQueue(0);
  }

  private void drainQueue(int index) {
    if (index < queues.length) {
      queues[index].stop(() -> drainQueue(index + 1));
    } else if (socketPolled) {
      socket.shutdown();
    } else {
      finishEnding();
    }
  }

  private void finishEnding() {
    if (queuesInFlight() > 0) {
      return;
    }
    for (VirtQueue queue : queues) {
      queue.release();
    }
    closeIfOpen(backendFd);
    backendFd = -1;
    if (memory != null) {
      memory.retire();
      memory = null;
    }
    if (inflight != null) {
      inflight.unmap();
      inflight = null;
    }
    socket.close();
    // The poller list and this stack may be in use: leave the reactor and free memory afterwards.
    reactor.defer(
        Task.of(() -> {
          reactor.removePoller(this);
          releaseChannel();
          arena.close();
          controller.sessionEnded(this);
        }));
  }

  private void releaseChannel() {
    if (channel != null) {
      channel.release();
      channel = null;
    }
  }

  /** The device goes away: what comes now fails, what is in flight ends first. */
  void detachDevice(Runnable done) {
    BdevChannel on = channel;
    if (on == null || queuesInFlight() == 0) {
      releaseChannel();
      done.run();
    } else {
      reactor.schedule(Timer.of(() -> detachDevice(done)), DETACH_RECHECK_NS);
    }
  }

  int queuesInFlight() {
    int sum = 0;
    for (VirtQueue queue : queues) {
      sum += queue.inFlight();
    }
    return sum;
  }

  private static void closeIfOpen(int fd) {
    if (fd >= 0) {
      FileCalls.close(fd);
    }
  }

  Reactor reactor() {
    return reactor;
  }
}
