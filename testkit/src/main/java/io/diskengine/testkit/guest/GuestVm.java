package io.diskengine.testkit.guest;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.diskengine.testkit.guest.GuestSpec.ConsoleLine;
import io.diskengine.testkit.guest.GuestSpec.Forward;
import io.diskengine.testkit.guest.GuestSpec.VhostDisk;
import io.diskengine.testkit.process.ChildProcess;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import tools.jackson.databind.JsonNode;

/**
 * A Linux guest under QEMU. Commands go in and results come out over a virtio-serial port while the
 * guest runs, several at a time. The host's {@code 127.0.0.1:PORT} is {@code 10.0.2.2:PORT} (also
 * {@code host:PORT}) in the guest.
 *
 * <p>QEMU ends with {@link #close}, and with this JVM. Emulated in software; {@code
 * DISKENGINE_GUEST_ACCEL=kvm} chooses KVM, which no test may need.
 */
public final class GuestVm implements AutoCloseable {
  private static final Duration BOOT_TIMEOUT = Duration.ofSeconds(120);
  private static final Duration RUN_TIMEOUT = Duration.ofSeconds(60);
  private static final Duration POWEROFF_TIMEOUT = Duration.ofSeconds(60);
  private static final int REPORTED_LINES = 40;

  /**
   * {@code quiet} leaves the kernel's errors on the console. The others are time at boot that no
   * test needs.
   */
  private static final String KERNEL_COMMAND_LINE =
      "console=ttyS0 panic=-1 quiet mitigations=off nokaslr tsc=reliable no_timer_check"
          + " random.trust_cpu=on cryptomgr.notests";

  private final GuestSpec spec;
  private final Path folder;
  private final ChildProcess qemu;
  private final long startedNs = System.nanoTime();
  private final List<ConsoleLine> console = new ArrayList<>();
  private final AtomicLong ids = new AtomicLong();
  private final AtomicInteger plugged = new AtomicInteger();
  private final ConcurrentHashMap<Long, Waiting> waiting = new ConcurrentHashMap<>();
  private final CompletableFuture<Duration> ready = new CompletableFuture<>();
  private final SocketChannel commands;
  private final Qmp qmp;

  private record Waiting(String script, long sinceNs, CompletableFuture<CommandResult> result) {}

  private GuestVm(GuestSpec spec, GuestImage image) throws IOException {
    this.spec = spec;
    this.folder = Files.createTempDirectory("guest");
    List<String> command = commandLine(image);
    this.qemu = ChildProcess.start("qemu " + spec.name(), command, this::consoleLine);
    try {
      // QEMU waits for this connection before it starts the machine, so nothing is lost.
      this.commands = connect(folder.resolve("command"));
      Thread.ofVirtual().name(spec.name() + "-answers").start(this::readAnswers);
      this.qmp = new Qmp(connect(folder.resolve("qmp")));
    } catch (IOException | RuntimeException e) {
      close();
      throw e;
    }
  }

  /** Boots a guest and waits until it takes commands. */
  public static GuestVm boot(GuestSpec spec) {
    GuestImage image = GuestImage.cached();
    try {
      GuestVm vm = new GuestVm(spec, image);
      try {
        vm.awaitReady();
      } catch (AssertionError | RuntimeException e) {
        vm.close();
        throw e;
      }
      return vm;
    } catch (IOException e) {
      throw new UncheckedIOException("guest " + spec.name(), e);
    }
  }

  /** Time from the start of QEMU until the guest took commands. */
  public Duration bootTime() {
    return ready.getNow(Duration.ZERO);
  }

  /** Runs a bash script to its end, at most a minute. */
  public CommandResult run(String script) {
    return run(RUN_TIMEOUT, script);
  }

  public CommandResult run(Duration timeout, String script) {
    return start(script).await(timeout);
  }

  /** Starts a bash script and returns at once. Scripts run beside each other. */
  public GuestJob start(String script) {
    long id = ids.incrementAndGet();
    CompletableFuture<CommandResult> result = new CompletableFuture<>();
    waiting.put(id, new Waiting(script, System.nanoTime(), result));
    String line = id + " " + Base64.getEncoder().encodeToString(script.getBytes(UTF_8)) + "\n";
    try {
      synchronized (commands) {
        ByteBuffer bytes = ByteBuffer.wrap(line.getBytes(UTF_8));
        while (bytes.hasRemaining()) {
          commands.write(bytes);
        }
      }
    } catch (IOException e) {
      throw new AssertionError(report("the guest takes no commands any more"), e);
    }
    return new GuestJob(this, id, script, result);
  }

  /**
   * Runs fio with {@code arguments}, e.g. {@code --filename=/dev/vda --rw=randwrite --bs=4k
   * --iodepth=8 --size=16M --verify=crc32c}; libaio and O_DIRECT unless they say otherwise.
   */
  public FioResult fio(Duration timeout, String arguments) {
    return startFio(arguments).awaitFio(timeout);
  }

  public GuestJob startFio(String arguments) {
    return start(FioResult.script(arguments));
  }

  /** Writes a file in the guest. */
  public void write(String path, byte[] content) {
    run("base64 -d > '%s' <<'E'%n%s%nE"
            .formatted(path, Base64.getMimeEncoder().encodeToString(content)))
        .ok();
  }

  /**
   * The guest's CPUs stand still, and with them its clock; its disks' and network's peers run on.
   */
  public void pause() {
    qmp("stop", "{}");
  }

  /** Undoes {@link #pause}. */
  public void resume() {
    qmp("cont", "{}");
  }

  /** Runs a command of QEMU's monitor with JSON {@code arguments}; answers what it returns. */
  public JsonNode qmp(String command, String arguments) {
    return qmp.execute(command, arguments);
  }

  /** Plugs a disk into the running guest; answers the name to {@link #unplug} it by. */
  public String plug(VhostDisk disk) {
    String id = "plugged" + plugged.incrementAndGet();
    qmp(
        "chardev-add",
        """
        {"id":"%s","backend":{"type":"socket","data":{"addr":{"type":"unix","data":{"path":"%s"}},"server":false,%s}}}\
        """
            .formatted(
                id,
                disk.socket(),
                reconnectOption().replace("reconnect", "\"reconnect").replace("=", "\":")));
    qmp(
        "device_add",
        "{\"driver\":\"vhost-user-blk-pci\",\"id\":\"%s\",\"chardev\":\"%s\",\"num-queues\":%d}"
            .formatted(id, id, disk.queues()));
    return id;
  }

  /**
   * Unplugs a disk ({@code disk0}, ... of the spec, or plugged later) and waits until the guest has
   * let go of it.
   */
  public void unplug(String disk) {
    CompletableFuture<JsonNode> gone = qmp.deletionOf(disk);
    qmp("device_del", "{\"id\":\"%s\"}".formatted(disk));
    Qmp.await(gone, "device_del " + disk);
    qmp("chardev-remove", "{\"id\":\"%s\"}".formatted(disk));
  }

  /**
   * QEMU itself, for signals from outside: {@code STOP} and {@code CONT} freeze the whole process.
   */
  public ChildProcess process() {
    return qemu;
  }

  /** Power loss: SIGKILL; returns when QEMU is gone. */
  public void kill() {
    qemu.kill();
  }

  /** Unmounts and ends the guest in order; returns when QEMU is gone. */
  public void poweroff() {
    // Not waited for: the answer may get lost with the machine.
    GuestJob job = start("sync; umount -a -t ext4; sync; poweroff -f");
    int code = qemu.await(POWEROFF_TIMEOUT);
    if (code != 0) {
      throw new AssertionError(report("QEMU ended with " + code + ", job ended: " + job.done()));
    }
  }

  /** All lines of the serial console so far. */
  public List<ConsoleLine> console() {
    synchronized (console) {
      return List.copyOf(console);
    }
  }

  @Override
  public void close() {
    qemu.close();
    try {
      for (String socket : List.of("command", "qmp")) {
        Files.deleteIfExists(folder.resolve(socket));
      }
      Files.deleteIfExists(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** {@code what}, with the end of the console. */
  String report(String what) {
    List<ConsoleLine> lines = console();
    StringBuilder text = new StringBuilder("guest " + spec.name() + ": " + what + "\nconsole:");
    lines.stream()
        .skip(Math.max(0, lines.size() - REPORTED_LINES))
        .forEach(line -> text.append("\n  ").append(line));
    return text.toString();
  }

  private List<String> commandLine(GuestImage image) {
    List<String> command = new ArrayList<>(List.of("qemu-system-x86_64", "-name", spec.name()));
    String accel = System.getenv().getOrDefault("DISKENGINE_GUEST_ACCEL", "tcg");
    command.addAll(
        accel.equals("kvm")
            ? List.of("-accel", "kvm", "-cpu", "host")
            : List.of("-accel", "tcg,thread=multi", "-cpu", "max"));
    // The PC of 1996 boots a second faster than q35 and takes hot-plugged PCI devices without root
    // ports.
    command.addAll(List.of("-machine", "pc", "-smp", Integer.toString(spec.cpus())));
    command.addAll(List.of("-uuid", spec.uuid().toString()));
    command.addAll(List.of("-m", spec.memoryMib() + "M"));
    command.addAll(
        List.of("-object", "memory-backend-memfd,id=mem,share=on,size=" + spec.memoryMib() + "M"));
    command.addAll(List.of("-numa", "node,memdev=mem"));
    command.addAll(List.of("-display", "none", "-no-reboot", "-nodefaults", "-serial", "stdio"));
    command.addAll(List.of("-kernel", image.kernel().toString()));
    command.addAll(List.of("-initrd", image.initramfs().toString()));
    command.addAll(List.of("-append", KERNEL_COMMAND_LINE));
    String port = "socket,id=command,server=on,wait=on,path=" + folder.resolve("command");
    command.addAll(List.of("-chardev", port, "-device", "virtio-serial"));
    command.addAll(List.of("-device", "virtserialport,chardev=command,name=diskengine"));
    command.addAll(List.of("-qmp", "unix:" + folder.resolve("qmp") + ",server=on,wait=off"));
    StringBuilder net = new StringBuilder("user,id=net");
    for (Forward forward : spec.forwards()) {
      net.append(
          ",hostfwd=tcp:127.0.0.1:%d-:%d".formatted(forward.hostPort(), forward.guestPort()));
    }
    command.addAll(List.of("-netdev", net.toString()));
    command.addAll(List.of("-device", "virtio-net-pci,netdev=net,romfile="));
    for (int i = 0; i < spec.disks().size(); i++) {
      VhostDisk disk = spec.disks().get(i);
      String id = "disk" + i;
      command.add("-chardev");
      command.add("socket,id=" + id + ",path=" + disk.socket() + "," + reconnectOption());
      command.add("-device");
      command.add(
          "vhost-user-blk-pci,id=%s,chardev=%s,num-queues=%d".formatted(id, id, disk.queues()));
    }
    return command;
  }

  /** A second until QEMU connects again. QEMU 9.2 renamed the option. */
  private static String reconnectOption() {
    String version =
        ChildProcess.run(Duration.ofSeconds(20), List.of("qemu-system-x86_64", "--version"));
    String[] numbers = version.replaceFirst("(?s).*?version (\\d+\\.\\d+).*", "$1").split("\\.");
    int major = Integer.parseInt(numbers[0]);
    boolean renamed = major > 9 || (major == 9 && Integer.parseInt(numbers[1]) >= 2);
    return renamed ? "reconnect-ms=1000" : "reconnect=1";
  }

  private SocketChannel connect(Path socket) throws IOException {
    long deadlineNs = System.nanoTime() + BOOT_TIMEOUT.toNanos();
    while (true) {
      try {
        return SocketChannel.open(UnixDomainSocketAddress.of(socket));
      } catch (IOException e) {
        if (!qemu.alive() || System.nanoTime() - deadlineNs > 0) {
          throw new IllegalStateException(report("QEMU did not start"), e);
        }
      }
      try {
        Thread.sleep(10);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted", e);
      }
    }
  }

  private void awaitReady() {
    try {
      Duration unused = ready.get(BOOT_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new AssertionError(report("not ready within " + BOOT_TIMEOUT), e);
    } catch (ExecutionException e) {
      throw new AssertionError(report("ended before it was ready"), e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  private void consoleLine(String text) {
    ConsoleLine line = new ConsoleLine(System.nanoTime() - startedNs, text.replace("\r", ""));
    synchronized (console) {
      console.add(line);
    }
    spec.console().accept(line);
  }

  private void readAnswers() {
    IOException end = new IOException("QEMU closed the command port");
    try {
      BufferedReader in = new BufferedReader(Channels.newReader(commands, UTF_8));
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        answer(line);
      }
    } catch (IOException e) {
      end = e;
    }
    ready.completeExceptionally(end);
    for (Waiting one : waiting.values()) {
      one.result().completeExceptionally(end);
    }
  }

  private void answer(String line) {
    String[] fields = line.split(" ", 3);
    if (fields[0].equals("ready")) {
      ready.complete(Duration.ofNanos(System.nanoTime() - startedNs));
      return;
    }
    Waiting one = waiting.remove(Long.parseLong(fields[0]));
    if (one == null) {
      throw new IllegalStateException("an answer nobody asked for: " + line);
    }
    String output =
        new String(Base64.getDecoder().decode(fields.length < 3 ? "" : fields[2]), UTF_8);
    one.result()
        .complete(
            new CommandResult(
                one.script(),
                Integer.parseInt(fields[1]),
                output,
                Duration.ofNanos(System.nanoTime() - one.sinceNs())));
  }
}
