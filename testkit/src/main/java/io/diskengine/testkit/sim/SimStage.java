package io.diskengine.testkit.sim;

import io.diskengine.testkit.store.VolumeRequests;
import java.util.function.BooleanSupplier;

/** A stage on virtual time. */
final class SimStage implements Stage {
  /** Longer than all that one fault can delay. */
  private static final int AWAIT_MS = 600_000;

  /** In this time every agent has looked at what happened. */
  private static final int SHOWS_WITHIN_MS = 5_000;

  private final SimWorld world;
  private boolean started;

  SimStage(SimWorld world) {
    this.world = world;
  }

  @Override
  public void start() {
    world.startPlanes();
    world.startAgents();
    world.schedule();
    started = true;
    await("agents and disks to be ready", () -> world.areAgentsReady() && world.areDisksUp());
  }

  boolean isStarted() {
    return started;
  }

  @Override
  public VolumeRequests requests() {
    return world.controller;
  }

  @Override
  public void ask(String what, Runnable request) {
    await(what + " to be accepted", () -> world.isPostgresUp() && world.user.attempt(request));
    world.log("user asks to " + what);
    world.touched();
  }

  @Override
  public void await(String what, BooleanSupplier condition) {
    world.await(what, AWAIT_MS, condition);
  }

  @Override
  public void killPlane(String node) {
    world.killPlane(world.node(node));
  }

  @Override
  public void holdPlane(String node) {
    world.node(node).supervised = false;
    world.killPlane(world.node(node));
  }

  @Override
  public void holdMachine(String node) {
    holdPlane(node);
    world.killAgent(world.node(node));
  }

  @Override
  public void release(String node) {
    SimNode n = world.node(node);
    n.supervised = true;
    world.startPlane(n);
    world.startAgent(n);
  }

  @Override
  public void replaceAfter(int seconds) {
    world.store.set("replaceAfterSec", seconds);
  }

  @Override
  public void create(String volume, int replicas) {
    ask(
        "create " + volume,
        () -> {
          var unused = world.user.create(volume, replicas);
        });
  }

  /** The world's user starts one for each volume that is attached, also where it was moved. */
  @Override
  public void guest(String volume) {
    world.user.startMovedGuests();
  }

  /** The user asks until no guest is on record as connected. */
  @Override
  public void detach(String volume) {
    world.user.detach(volume);
    await(volume + " to be unplugged", world.user.detaching::isEmpty);
  }

  @Override
  public void move(String volume, String node) {
    world.user.move(volume, node);
    await(volume + " to be unplugged", world.user.moving::isEmpty);
  }

  @Override
  public void unplug(String volume) {
    world.guestsOf(volume).forEach(SimGuest::stop);
  }

  @Override
  public void cutOff(String volume) {
    world.user.cutOff(volume);
  }

  @Override
  public void awaitDesiredState() {
    world.run(SHOWS_WITHIN_MS);
    world.awaitDesiredState(AWAIT_MS);
  }
}
